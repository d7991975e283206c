import type { SessionKey } from "../../core/ids.ts";
import type { LogRow } from "../../core/store.ts";
import { idOf, type State, type StoredLog } from "./state.ts";

/** The logs of one session, by name in the order of its UTF-8 bytes. */
export function logs(state: State, key: SessionKey): LogRow[] {
  const found = state.sessions.get(idOf(key))?.logs ?? new Map<string, StoredLog>();
  const rows = [...found].map(([log, stored]) => toLogRow(log, stored));
  return rows.sort((a, b) => Buffer.compare(Buffer.from(a.log), Buffer.from(b.log)));
}

function toLogRow(log: string, { entries, length, createdAtMs, updatedAtMs }: StoredLog): LogRow {
  return { log, head: entries.length, committed: entries.length, length, createdAtMs, updatedAtMs };
}
