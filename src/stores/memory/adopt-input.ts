import { type Holding, isFinal } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import { laneOf, type StoredInput } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { copyOfRun } from "./run.ts";
import type { State } from "./state.ts";

/** Takes an input that has ended under its own id, with its runs, unless a name is taken; its id is never given again. */
export function adoptInput(
  state: State,
  key: SessionKey,
  { input, runs }: Extract<Holding, { kind: "input" }>,
): boolean {
  const rowId = /^[1-9]\d{0,15}$/.test(input.id) ? Number(input.id) : 0;
  if (rowId === 0) return false;
  // The session's own logs carry the id, so another input under it would go on with this one's steps.
  state.lastInputId = Math.max(state.lastInputId, rowId);
  if (!isFinal(input) || state.inputs.has(input.id) || runs.some(({ id }) => state.runs.has(id)))
    return false;
  const lane = laneOf(state, key);
  if (lane.keys.has(input.key)) return false;
  const stored = { rowId, value: { ...input, ...key } };
  lane.keys.set(input.key, stored);
  lane.inputs.add(stored);
  inOrder(lane.inputs);
  state.inputs.set(input.id, stored);
  const all = [...state.inputs.values()].toSorted((a, b) => a.rowId - b.rowId);
  state.inputs.clear();
  for (const one of all) state.inputs.set(one.value.id, one);
  for (const run of runs) {
    const ended = { rowId: (state.lastRunId += 1), value: { ...copyOfRun(run), ...key } };
    state.runs.set(run.id, ended);
    lane.runs.add(ended);
  }
  recordChange(state, { key, atMs: state.clock.now(), kind: "input", of: input.id });
  return true;
}

function inOrder(inputs: Set<StoredInput>): void {
  const all = [...inputs].toSorted((a, b) => a.rowId - b.rowId);
  inputs.clear();
  for (const one of all) inputs.add(one);
}
