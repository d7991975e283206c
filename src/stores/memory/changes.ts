import { checkAfter, checkLimit } from "../../core/checks.ts";
import type { ChangesParams, ChangesResult } from "../../core/store.ts";
import type { State } from "./state.ts";

/** A page of the change feed. */
export function changes(state: State, { after, limit = 100 }: ChangesParams): ChangesResult {
  checkLimit(limit, 1000);
  const position = state.changes.length;
  checkAfter(after, position, "the change feed");
  return { changes: state.changes.slice(after, after + limit).map((change) => ({ ...change })), position };
}
