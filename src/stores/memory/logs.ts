import type { SessionKey } from "../../core/ids.ts";
import type { LogRow } from "../../core/store.ts";
import { idOf, type State, type StoredLog } from "./state.ts";

/** The logs of one session, by name in the order of its UTF-8 bytes. */
export function logs(state: State, key: SessionKey): LogRow[] {
  const found = state.sessions.get(idOf(key))?.logs ?? new Map<string, StoredLog>();
  const rows = [...found]
    .filter(([, { committed }]) => committed > 0)
    .map(([log, stored]) => toLogRow(log, stored));
  return rows.sort((a, b) => Buffer.compare(Buffer.from(a.log), Buffer.from(b.log)));
}

function toLogRow(log: string, { entries, committed, length, createdAtMs }: StoredLog): LogRow {
  const updatedAtMs = entries[committed - 1]!.atMs;
  return { log, head: committed, committed, length, createdAtMs, updatedAtMs };
}
