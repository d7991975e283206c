import { checkAfter, checkSameLog } from "../../core/checks.ts";
import type { ReadParams, ReadResult } from "../../core/store.ts";
import { findLog, type State } from "./state.ts";

/** Reads entries of one log, from either end. */
export function read(state: State, params: ReadParams): ReadResult {
  const { log: key, after, limit = Infinity, order = "asc" } = params;
  const log = findLog(state, key);
  checkSameLog(params.id, log?.id);
  const stored = log?.entries ?? [];
  const head = stored.length;
  if (after !== undefined && order === "asc") checkAfter(after, head, "the log");
  const entries = order === "asc" ? forwards(after ?? 0, limit) : backwards(after ?? Infinity, limit);
  const id = log === undefined ? {} : { id: log.id };
  return { ...id, entries: entries.map((entry) => ({ ...entry })), head, committed: head };

  function forwards(from: number, count: number) {
    return stored.slice(from, from + count);
  }

  function backwards(before: number, count: number) {
    const end = Math.max(0, Math.min(before - 1, head));
    return stored.slice(Math.max(0, end - count), end).toReversed();
  }
}
