import type { StoreHealth } from "../../core/store.ts";
import { memorySchema } from "./migrate.ts";
import type { State } from "./state.ts";

/** Counts of what the store holds; nothing of it is on disk. */
export function health(state: State): StoreHealth {
  const logs = [...state.sessions.values()].flatMap((session) => [...session.logs.values()]);
  return {
    driver: "memory",
    url: state.url,
    schema: memorySchema,
    latestSchema: memorySchema,
    sessions: state.sessions.size,
    logs: logs.length,
    entries: logs.reduce((total, log) => total + log.entries.length, 0),
    blobs: state.blobs.size,
    position: state.changes.length,
    bytes: 0,
    problems: [],
  };
}
