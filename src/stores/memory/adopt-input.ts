import { type Holding, isFinal, laterRuns } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Run } from "../../core/run.ts";
import { findLane, laneOf, type StoredInput } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { copyOfRun } from "./run.ts";
import type { State } from "./state.ts";

type InputHolding = Extract<Holding, { kind: "input" }>;

/**
 * Takes an input that has ended under its own id, with its runs, unless a name is taken; its id is never given again.
 * One that is abandoned here, and was queued again there, goes on as it did there.
 */
export function adoptInput(state: State, key: SessionKey, holding: InputHolding): boolean {
  const { input, runs } = holding;
  const rowId = /^[1-9]\d{0,15}$/.test(input.id) ? Number(input.id) : 0;
  if (rowId === 0) return false;
  // The session's own logs carry the id, so another input under it would go on with this one's steps.
  state.lastInputId = Math.max(state.lastInputId, rowId);
  if (!isFinal(input)) return false;
  const known = state.inputs.get(input.id);
  if (known !== undefined) return adoptLater(state, key, known, holding);
  if (runs.some(({ id }) => state.runs.has(id))) return false;
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
  addRuns(state, key, runs);
  recordChange(state, { key, atMs: state.clock.now(), kind: "input", of: input.id });
  return true;
}

function adoptLater(
  state: State,
  key: SessionKey,
  known: StoredInput,
  { input, runs }: InputHolding,
): boolean {
  const lane = findLane(state, key);
  const last = state.runs.get(known.value.run ?? "")?.value;
  const later = lane?.inputs.has(known) === true ? laterRuns(known.value, last, { input, runs }) : undefined;
  if (later === undefined) return false;
  known.value = { ...input, ...key };
  addRuns(state, key, later);
  recordChange(state, { key, atMs: state.clock.now(), kind: "input", of: input.id });
  return true;
}

function addRuns(state: State, key: SessionKey, runs: readonly Run[]): void {
  const lane = laneOf(state, key);
  for (const run of runs) {
    const ended = { rowId: (state.lastRunId += 1), value: { ...copyOfRun(run), ...key } };
    state.runs.set(run.id, ended);
    lane.runs.add(ended);
  }
}

function inOrder(inputs: Set<StoredInput>): void {
  const all = [...inputs].toSorted((a, b) => a.rowId - b.rowId);
  inputs.clear();
  for (const one of all) inputs.add(one);
}
