import type { EntryInput } from "../../core/entry.ts";
import { isOwnLog, type SessionKey } from "../../core/ids.ts";
import type { Fold } from "../../core/store.ts";
import { type Chunk, entriesOf } from "../../core/chunk.ts";
import type { Connection } from "./connection.ts";
import { foldInto } from "./fold.ts";
import { recordChange } from "./record-change.ts";
import type { StagedLog } from "./tail.ts";

/** Makes what a run has staged visible, and counts it. */
export function publish(
  connection: Connection,
  staged: readonly StagedLog[],
  { key, sessionId, now, fold, resumeToken }: PublishParams,
): void {
  if (staged.some(({ log }) => !isOwnLog(log))) show(connection, key, sessionId);
  for (const { logId, log, from, to, length, atMs } of staged) {
    connection.run(publishSql, logId);
    if (!isOwnLog(log))
      connection.run(countSql, to - from + 1, length, atMs, log === "" ? to : null, sessionId);
    if (log === "" && fold !== undefined) {
      const appended = entriesFrom(connection, logId, from, to);
      foldInto(connection, { sessionId, head: from - 1, to, appended, fold });
    }
    recordChange(connection, { key, atMs: now, kind: "appended", log, from, to });
  }
  if (resumeToken !== undefined)
    connection.run("UPDATE session SET resume_token = ? WHERE id = ?", resumeToken, sessionId);
}

interface PublishParams {
  readonly key: SessionKey;
  readonly sessionId: number;
  readonly now: number;
  readonly fold: Fold | undefined;
  readonly resumeToken: string | undefined;
}

/** Makes a session visible for good; what a former one of its name left is then no more. */
export function show(connection: Connection, { project, session }: SessionKey, sessionId: number): void {
  const shown = connection.run("UPDATE session SET hidden = 0 WHERE id = ? AND hidden = 1", sessionId);
  if (shown > 0) connection.run("DELETE FROM tombstone WHERE project = ? AND session = ?", project, session);
}

function entriesFrom(connection: Connection, logId: number, from: number, to: number): EntryInput[] {
  return connection
    .all<Chunk>(chunksSql, logId, from)
    .flatMap((chunk) => entriesOf(chunk, from, to))
    .map(({ seq: _, ...entry }) => entry);
}

const publishSql = `
  UPDATE log SET committed = head, length = length + staged_length, staged_length = 0 WHERE id = ?`;
const countSql = `
  UPDATE session SET entries = entries + ?, length = length + ?, updated_at_ms = max(updated_at_ms, ?),
    main_head = coalesce(?, main_head) WHERE id = ?`;
const chunksSql = `
  SELECT first_seq AS first, last_seq AS last, times, uuids, bodies FROM chunk
  WHERE log_id = ? AND first_seq >= ? ORDER BY first_seq`;
