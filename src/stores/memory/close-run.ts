import type { Input } from "../../core/input.ts";
import type { Run } from "../../core/run.ts";
import { changeLane, endLease, enqueue, findLane } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import type { State } from "./state.ts";

/** Ends or holds the session's open run, with the input that it leaves and with whatever lease there is. */
export function closeRun(state: State, run: Run, input: Input, now: number): void {
  const stored = state.runs.get(run.id)!;
  const asked = state.inputs.get(run.input)!;
  const lane = findLane(state, run)!;
  if (stored.value.state === "running") state.running.set(run.project, state.running.get(run.project)! - 1);
  stored.value = run;
  changeLane(state, lane, () => {
    asked.value = input;
    if (run.state === "held") return;
    lane.open = undefined;
    if (input.state === "queued") enqueue(lane, asked);
  });
  if (run.state !== "held") state.openRuns.delete(stored);
  endLease(lane);
  recordChange(state, { key: run, atMs: now, kind: "run", of: run.id });
}
