import { checkHead, unknownSession } from "../../core/checks.ts";
import type { DescribeParams, SessionRow } from "../../core/store.ts";
import type { Value } from "./client.ts";
import type { LockedSession } from "./in-session.ts";
import { ownNamedJson } from "./own-values.ts";
import { recordChange } from "./record-change.ts";
import { findSession, type SessionColumns, sessionColumns, toStoredSessions } from "./session.ts";

/** Changes a session's title, labels or summary. */
export async function describe(session: LockedSession, params: DescribeParams): Promise<SessionRow> {
  const { query, key, now } = session;
  const found = await findSession(query, key);
  if (found === undefined) throw unknownSession(key);
  const { summary, resume } = params;
  if (summary !== undefined) checkHead(summary.head, found.row.mainHead, { ...key, log: "" });
  const [, row] = await Promise.all([
    resume == null ? undefined : takeKey(session, resume.key),
    write(session, found.row, params),
    recordChange(query, { key, atMs: now, kind: "described" }),
  ]);
  return row;
}

/** Takes a resume key from whichever other session of the project has it. */
export async function takeKey(
  { query, key: { project, session } }: LockedSession,
  key: string,
): Promise<void> {
  // The key's own lock comes first: of two sessions that are given a key which none has yet, the second finds the first.
  await Promise.all([
    query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", `holdfast.resume.${project}/${key}`),
    query(lockHolderSql, project, session, key),
    query(takeKeySql, project, session, key),
  ]);
}

async function write({ query, key }: LockedSession, row: SessionRow, params: DescribeParams) {
  const values = valuesOf(row, params);
  const names = Object.keys(values);
  if (names.length === 0) return row;
  const sets = names.map((name, index) => `${name} = $${index + 3}`).join(", ");
  const sql = `
    UPDATE hf.session SET ${sets} WHERE project = $1 AND session = $2 RETURNING ${sessionColumns}`;
  const rows = await query<SessionColumns>(sql, key.project, key.session, ...Object.values(values));
  return toStoredSessions(rows)[0]!.row;
}

function valuesOf(
  row: SessionRow,
  { title, labels, summary, resume }: DescribeParams,
): Readonly<Record<string, Value>> {
  const merged = Object.entries({ ...row.labels, ...labels }).filter(([, value]) => value !== null);
  return {
    ...(title !== undefined && {
      title,
      title_folded: title?.toLowerCase() ?? null,
      title_by_user: title !== null,
    }),
    ...(labels !== undefined && { labels: ownNamedJson(Object.fromEntries(merged)) }),
    ...(summary !== undefined && { summary: summary.data, summary_head: summary.head }),
    ...(resume !== undefined && { resume_key: resume?.key ?? null, resume_token: resume?.token ?? null }),
  };
}

const lockHolderSql = `
  UPDATE hf.lane l SET version = l.version + 1 FROM hf.session s
  WHERE s.project = $1 AND s.session <> $2 AND s.resume_key = $3 AND l.project = s.project AND l.session = s.session`;
const takeKeySql =
  "UPDATE hf.session SET resume_key = NULL WHERE project = $1 AND session <> $2 AND resume_key = $3";
