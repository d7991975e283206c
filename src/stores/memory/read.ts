import { checkAfter, checkSameLog } from "../../core/checks.ts";
import { checkOpenRun } from "../../core/fence.ts";
import type { ReadParams, ReadResult } from "../../core/store.ts";
import { idOf, type State, type StoredLog, visibleLog } from "./state.ts";

/** Reads entries of one log, from either end; the staged ones for their own run alone. */
export function read(state: State, params: ReadParams): ReadResult {
  const { after, limit = Infinity, order = "asc" } = params;
  const log = logFor(state, params);
  checkSameLog(params.id, log?.id);
  const committed = log?.committed ?? 0;
  const head = params.run === undefined ? committed : (log?.entries.length ?? 0);
  if (after !== undefined && order === "asc") checkAfter(after, head, "the log");
  const entries = order === "asc" ? forwards(after ?? 0, limit) : backwards(after ?? Infinity, limit);
  const id = log === undefined ? {} : { id: log.id };
  return { ...id, entries: entries.map((entry) => ({ ...entry })), head, committed };

  function forwards(from: number, count: number) {
    return log?.entries.slice(from, Math.min(from + count, head)) ?? [];
  }

  function backwards(before: number, count: number) {
    const end = Math.max(0, Math.min(before - 1, head));
    return log?.entries.slice(Math.max(0, end - count), end).toReversed() ?? [];
  }
}

function logFor(state: State, { log: key, run }: ReadParams): StoredLog | undefined {
  if (run === undefined) return visibleLog(state, key);
  checkOpenRun(key, run, state.runs.get(run)?.value);
  return state.sessions.get(idOf(key))?.logs.get(key.log);
}
