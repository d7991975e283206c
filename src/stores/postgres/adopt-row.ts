import type { Holding } from "../../core/holdings.ts";
import type { Value } from "./client.ts";
import { takeKey } from "./describe.ts";
import { findTitledRow, type TitledColumns, titledColumns, type TitledRow, toTitledRow } from "./holdings.ts";
import type { LockedSession } from "./in-session.ts";
import { ownNamedJson } from "./own-values.ts";
import { recordChange } from "./record-change.ts";
import { updatedSql } from "./updated.ts";

/** Makes a session's row the one that another store has, but for what its own entries tell. */
export async function adoptRow(
  session: LockedSession,
  given: Extract<Holding, { kind: "row" }>,
): Promise<boolean> {
  const { query, key, now } = session;
  const before = await findTitledRow(query, key);
  if (before === undefined) return false;
  const { resumeKey } = given.row;
  const [, [columns]] = await Promise.all([
    resumeKey === null ? undefined : takeKey(session, resumeKey),
    query<TitledColumns>(rowSql, key.project, key.session, ...valuesOf(given, before)),
  ]);
  if (JSON.stringify(toTitledRow(columns!)) === JSON.stringify(before)) return false;
  await recordChange(query, { key, atMs: now, kind: "described" });
  return true;
}

function valuesOf({ row, titleByUser }: TitledRow, { row: before }: TitledRow): Value[] {
  const { provider, title, labels, createdAtMs, updatedAtMs, revision, resumeKey, resumeToken } = row;
  // A summary of other entries than are here would never be told from one of these.
  const summary = row.mainHead === before.mainHead ? row.summary : null;
  return [
    ...[provider, title, title?.toLowerCase() ?? null, titleByUser, ownNamedJson(labels)],
    ...[summary, summary === null ? 0 : row.mainHead],
    ...[createdAtMs, updatedAtMs, revision, resumeKey, resumeToken],
  ];
}

const rowSql = `
  UPDATE hf.session SET provider = $3, title = $4, title_folded = $5, title_by_user = $6, labels = $7, summary = $8,
    summary_head = $9, created_at_ms = $10, ${updatedSql("$11::bigint")}, revision = $12, resume_key = $13, resume_token = $14
  WHERE project = $1 AND session = $2 RETURNING ${titledColumns}`;
