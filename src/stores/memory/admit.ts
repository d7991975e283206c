import { checkTombstone } from "../../core/checks.ts";
import type { AdmitParams, AdmitResult, Input } from "../../core/input.ts";
import { inputConflict } from "../../core/work-checks.ts";
import { changeLane, enqueue, findLane, laneOf } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { idOf, type State } from "./state.ts";

/** Keeps an input once under its key. */
export function admit(state: State, params: AdmitParams): AdmitResult {
  const { session: key, body, provider = "unknown", priority = 0 } = params;
  checkTombstone(state.tombstones.get(idOf(key)), key, "unsealed");
  const known = findLane(state, key)?.keys.get(params.key)?.value;
  if (known !== undefined && known.body !== body) throw inputConflict(known);
  if (known !== undefined) return { input: { ...known }, admitted: false };

  const now = state.clock.now();
  const rowId = (state.lastInputId += 1);
  const value: Input = {
    id: String(rowId),
    project: key.project,
    session: key.session,
    key: params.key,
    body,
    provider,
    priority,
    state: "queued",
    attempts: 0,
    admittedAtMs: now,
    updatedAtMs: now,
  };
  const stored = { rowId, value };
  const lane = laneOf(state, key);
  state.inputs.set(value.id, stored);
  lane.keys.set(params.key, stored);
  lane.inputs.add(stored);
  changeLane(state, lane, () => enqueue(lane, stored));
  recordChange(state, { key, atMs: now, kind: "input", of: value.id });
  return { input: { ...value }, admitted: true };
}
