import type { EntryInput } from "../../core/entry.ts";
import { isOwnLog, type SessionKey } from "../../core/ids.ts";
import type { Fold } from "../../core/store.ts";
import { type Chunk, entriesOf } from "../../core/chunk.ts";
import type { Connection } from "./connection.ts";
import { foldInto } from "./fold.ts";
import { recordChange } from "./record-change.ts";
import type { StagedLog } from "./tail.ts";

/** Makes what a run has staged visible in a session that is shown, and counts it. */
export function publish(
  connection: Connection,
  staged: readonly StagedLog[],
  { key, sessionId, now, fold, resumeToken, revision }: PublishParams,
): void {
  for (const { logId, log, from, to } of staged) {
    connection.run(publishSql, logId);
    if (log === "" && fold !== undefined) {
      const appended = entriesFrom(connection, logId, from, to);
      foldInto(connection, { sessionId, head: from - 1, to, appended, fold });
    }
    recordChange(connection, { key, atMs: now, kind: "appended", log, from, to });
  }
  const { entries, length, atMs, mainHead } = countedIn(staged);
  const values = [entries, length, atMs, mainHead, revision ?? null, resumeToken ?? null];
  connection.run(sessionSql, ...values, sessionId);
}

interface PublishParams {
  readonly key: SessionKey;
  readonly sessionId: number;
  readonly now: number;
  readonly fold: Fold | undefined;
  readonly resumeToken: string | undefined;
  /** The session's new one, where this makes one. */
  readonly revision?: number;
}

/** Makes a session visible for good; what a former one of its name left is then no more. */
export function show(connection: Connection, { project, session }: SessionKey, sessionId: number): void {
  const shown = connection.run("UPDATE session SET hidden = 0 WHERE id = ? AND hidden = 1", sessionId);
  if (shown > 0) connection.run("DELETE FROM tombstone WHERE project = ? AND session = ?", project, session);
}

/** What the catalogue counts: an agent's logs, not Holdfast's own. */
function countedIn(staged: readonly StagedLog[]) {
  const counted = { entries: 0, length: 0, atMs: 0, mainHead: null as number | null };
  for (const { log, from, to, length, atMs } of staged) {
    if (isOwnLog(log)) continue;
    counted.entries += to - from + 1;
    counted.length += length;
    counted.atMs = Math.max(counted.atMs, atMs);
    if (log === "") counted.mainHead = to;
  }
  return counted;
}

function entriesFrom(connection: Connection, logId: number, from: number, to: number): EntryInput[] {
  return connection
    .all<Chunk>(chunksSql, logId, from)
    .flatMap((chunk) => entriesOf(chunk, from, to))
    .map(({ seq: _, ...entry }) => entry);
}

const publishSql = `
  UPDATE log SET committed = head, length = length + staged_length, staged_length = 0 WHERE id = ?`;
const sessionSql = `
  UPDATE session SET entries = entries + ?, length = length + ?, updated_at_ms = max(updated_at_ms, ?),
    main_head = coalesce(?, main_head), revision = coalesce(?, revision), resume_token = coalesce(?, resume_token)
  WHERE id = ?`;
const chunksSql = `
  SELECT first_seq AS first, last_seq AS last, times, uuids, bodies FROM chunk
  WHERE log_id = ? AND first_seq >= ? ORDER BY first_seq`;
