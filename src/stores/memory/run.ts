import type { Run } from "../../core/run.ts";
import type { State } from "./state.ts";

/** One run. */
export function run(state: State, { run: id }: { readonly run: string }): Run | null {
  const found = state.runs.get(id);
  return found === undefined ? null : copyOfRun(found.value);
}

/** The run as the port gives it, sharing nothing. */
export function copyOfRun(value: Run): Run {
  return value.receipt === undefined ? { ...value } : { ...value, receipt: { ...value.receipt } };
}
