import type { StoreHealth } from "../../core/store.ts";
import { memorySchema } from "./migrate.ts";
import type { State } from "./state.ts";

/** Counts of what is visible; nothing of it is on disk. */
export function health(state: State): StoreHealth {
  const all = [...state.sessions.values()].flatMap((session) => [...session.logs.values()]);
  const logs = all.filter(({ committed }) => committed > 0);
  return {
    driver: "memory",
    url: state.url,
    schema: memorySchema,
    latestSchema: memorySchema,
    sessions: state.recent.length,
    logs: logs.length,
    entries: logs.reduce((total, log) => total + log.committed, 0),
    blobs: state.blobs.size,
    position: state.changes.length,
    bytes: 0,
    problems: [],
  };
}
