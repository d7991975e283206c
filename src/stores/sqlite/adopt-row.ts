import type { Holding } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";
import { setResume } from "./describe.ts";
import { isTitleByUser } from "./holdings.ts";
import { recordChange } from "./record-change.ts";
import { findSession } from "./session.ts";

/** Makes a session's row the one that another store has, but for what its own entries tell. */
export function adoptRow(
  connection: Connection,
  key: SessionKey,
  { row, titleByUser }: Extract<Holding, { kind: "row" }>,
  now: number,
): boolean {
  const found = findSession(connection, key);
  if (found === undefined) return false;
  const before = textOf(connection, key);
  const { provider, title, labels, createdAtMs, updatedAtMs, revision } = row;
  // A summary of other entries than are here would never be told from one of these.
  const summary = row.mainHead === found.row.mainHead ? row.summary : null;
  const folded = [summary, summary === null ? 0 : row.mainHead];
  const named = [provider, title, title?.toLowerCase() ?? null, titleByUser ? 1 : 0, JSON.stringify(labels)];
  connection.run(rowSql, ...named, ...folded, createdAtMs, updatedAtMs, revision, found.id);
  setResume(connection, found, row.resumeKey, row.resumeToken);
  if (textOf(connection, key) === before) return false;
  recordChange(connection, { key, atMs: now, kind: "described" });
  return true;
}

function textOf(connection: Connection, key: SessionKey): string {
  const { id, row } = findSession(connection, key)!;
  return JSON.stringify([row, isTitleByUser(connection, id)]);
}

const rowSql = `
  UPDATE session SET provider = ?, title = ?, title_folded = ?, title_by_user = ?, labels = ?, summary = ?,
    summary_head = ?, created_at_ms = ?, updated_at_ms = ?, revision = ? WHERE id = ?`;
