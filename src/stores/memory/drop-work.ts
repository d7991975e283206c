import type { SessionKey } from "../../core/ids.ts";
import { changeLane, endLease, epochOf, findLane, type Lane } from "./lane.ts";
import { idOf, type State } from "./state.ts";

/** Removes a session's inputs, runs, usage and documents, ends its lease for good, and says whether there was anything. */
export function dropWork(state: State, key: SessionKey): boolean {
  const usage = dropUsage(state, key);
  const documents = dropDocuments(state, key);
  const lane = findLane(state, key);
  return (lane !== undefined && dropLane(state, lane)) || usage || documents;
}

function dropLane(state: State, lane: Lane): boolean {
  const some = lane.inputs.size > 0 || (lane.lease !== undefined && lane.lease.owner !== null);
  for (const { value } of lane.inputs) state.inputs.delete(value.id);
  for (const run of lane.runs) {
    state.runs.delete(run.value.id);
    state.openRuns.delete(run);
  }
  if (lane.open?.value.state === "running")
    state.running.set(lane.project, state.running.get(lane.project)! - 1);
  changeLane(state, lane, () => {
    lane.queue.length = 0;
    lane.open = undefined;
  });
  lane.inputs.clear();
  lane.keys.clear();
  lane.runs.clear();
  if (lane.lease !== undefined) endLease(lane, epochOf(lane) + 1);
  return some;
}

function dropUsage(state: State, key: SessionKey): boolean {
  const own = [...state.usage.values()].filter(({ session }) => idOf(session) === idOf(key));
  for (const { row } of own) state.usage.delete(row.key);
  return own.length > 0;
}

function dropDocuments(state: State, key: SessionKey): boolean {
  const dropped = [...state.projections.values()].map(({ documents }) => documents.delete(idOf(key)));
  return dropped.includes(true);
}
