import { checkHead, unknownSession } from "../../core/checks.ts";
import type { DescribeParams, SessionRow } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { recordChange } from "./record-change.ts";
import { findSession, type StoredSession } from "./session.ts";

/** Changes a session's title, labels or summary. */
export function describe(
  connection: Connection,
  { session: key, title, labels, summary, resume }: DescribeParams,
  now: number,
): SessionRow {
  const found = findSession(connection, key);
  if (found === undefined) throw unknownSession(key);
  const { id, row } = found;
  if (title !== undefined) {
    connection.run(titleSql, title, title?.toLowerCase() ?? null, title === null ? 0 : 1, id);
  }
  if (labels !== undefined) {
    const merged = { ...row.labels, ...labels };
    const kept = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
    connection.run("UPDATE session SET labels = ? WHERE id = ?", JSON.stringify(kept), id);
  }
  if (summary !== undefined) {
    checkHead(summary.head, row.mainHead, { ...key, log: "" });
    connection.run(
      "UPDATE session SET summary = ?, summary_head = ? WHERE id = ?",
      summary.data,
      summary.head,
      id,
    );
  }
  if (resume !== undefined) setResume(connection, found, resume?.key ?? null, resume?.token ?? null);
  recordChange(connection, { key, atMs: now, kind: "described" });
  return findSession(connection, key)!.row;
}

/** Sets what the session is resumed by; another session of the project that has the key loses it. */
export function setResume(
  connection: Connection,
  { id, row }: StoredSession,
  key: string | null,
  token: string | null,
): void {
  connection.run(takeKeySql, row.project, key, id);
  connection.run("UPDATE session SET resume_key = ?, resume_token = ? WHERE id = ?", key, token, id);
}

const takeKeySql = "UPDATE session SET resume_key = NULL WHERE project = ? AND resume_key = ? AND id <> ?";
const titleSql = "UPDATE session SET title = ?, title_folded = ?, title_by_user = ? WHERE id = ?";
