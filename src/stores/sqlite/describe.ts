import { checkHead, unknownSession } from "../../core/checks.ts";
import type { DescribeParams, SessionRow } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { recordChange } from "./record-change.ts";
import { findSession, toSessionRow } from "./session.ts";

/** Changes a session's title, labels or summary. */
export function describe(
  connection: Connection,
  { session: key, title, labels, summary }: DescribeParams,
  now: number,
): SessionRow {
  const row = findSession(connection, key);
  if (row === undefined) throw unknownSession(key);
  if (title !== undefined) {
    connection.run(titleSql, title, title?.toLowerCase() ?? null, title === null ? 0 : 1, row.id);
  }
  if (labels !== undefined) {
    const merged = { ...(JSON.parse(row.labels) as Record<string, string>), ...labels };
    const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
    connection.run("UPDATE session SET labels = ? WHERE id = ?", JSON.stringify(kept), row.id);
  }
  if (summary !== undefined) {
    checkHead(summary.head, row.main_head, { ...key, log: "" });
    connection.run(
      "UPDATE session SET summary = ?, summary_head = ? WHERE id = ?",
      summary.data,
      summary.head,
      row.id,
    );
  }
  recordChange(connection, { key, atMs: now, kind: "described" });
  return toSessionRow(findSession(connection, key)!);
}

const titleSql = "UPDATE session SET title = ?, title_folded = ?, title_by_user = ? WHERE id = ?";
