import type { SessionKey } from "../../core/ids.ts";
import type { SessionRow } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** One session's catalogue row. */
export async function session(query: Query, key: SessionKey): Promise<SessionRow | null> {
  return (await findSession(query, key))?.row ?? null;
}

/** The row with its id, unless there is nothing in it but what a run has staged. */
export async function findSession(
  query: Query,
  { project, session: name }: SessionKey,
): Promise<StoredSession | undefined> {
  const [columns] = await query<SessionColumns>(sessionSql, project, name);
  return columns === undefined ? undefined : toStoredSession(columns);
}

/** A session's row as the port shows it, and its id. */
export interface StoredSession {
  readonly id: number;
  readonly row: SessionRow;
}

export function toStoredSession({ id, labels, ...columns }: SessionColumns): StoredSession {
  const row = { ...columns, labels: labels === null ? {} : (JSON.parse(labels) as Record<string, string>) };
  return { id, row };
}

export interface SessionColumns extends Omit<SessionRow, "labels"> {
  readonly id: number;
  readonly labels: string | null;
}

/** What a query of sessions gives; most have no labels, and a summary that missed entries counts as none. */
export const sessionColumns = `
  id, project, session, provider, title, nullif(labels, '{}') AS labels,
  CASE summary_head WHEN main_head THEN summary END AS summary,
  created_at_ms AS "createdAtMs", updated_at_ms AS "updatedAtMs", main_head AS "mainHead", entries, length, revision,
  resume_key AS "resumeKey", resume_token AS "resumeToken"`;

const sessionSql = `
  SELECT ${sessionColumns} FROM hf.session WHERE project = $1 AND session = $2 AND NOT hidden`;
