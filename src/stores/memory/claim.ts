import { claimedInput, nextAttempt } from "../../core/boundary.ts";
import { liveLease } from "../../core/fence.ts";
import type { Claim, ClaimParams, Run } from "../../core/run.ts";
import { beginLease, changeLane, dequeue, type Lane, type StoredInput } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { idOf, type State } from "./state.ts";

/** Begins a run on the next input, if there is one that may run. */
export function claim(state: State, params: ClaimParams): Claim | null {
  const now = state.clock.now();
  const lane = state.ready.find((ready) => mayRun(state, ready, params, now));
  return lane === undefined ? null : begin(state, lane, params, now);
}

function mayRun(
  { running }: State,
  lane: Lane,
  { project, session, providers, maxRunsPerProject = Infinity }: ClaimParams,
  now: number,
): boolean {
  if (project !== undefined && lane.project !== project) return false;
  if (session !== undefined && lane.session !== session) return false;
  if (providers !== undefined && !providers.includes(lane.queue[0]!.value.provider)) return false;
  if ((running.get(lane.project) ?? 0) >= maxRunsPerProject) return false;
  return liveLease(lane, lane.lease, now) === null;
}

function begin(state: State, lane: Lane, { worker, leaseMs }: ClaimParams, now: number): Claim {
  const { project, session } = lane;
  const stored = lane.queue[0]!;
  const { epoch, sinceMs, untilMs } = beginLease(lane, worker, leaseMs, now);
  const run = runOn(state, stored, { worker, epoch, now });
  const begun = { rowId: (state.lastRunId += 1), value: run };
  changeLane(state, lane, () => {
    dequeue(lane, stored);
    lane.open = begun;
    lane.served = state.lastServed += 1;
  });
  stored.value = claimedInput(stored.value, run.id, now);
  state.runs.set(run.id, begun);
  state.openRuns.add(begun);
  state.running.set(project, (state.running.get(project) ?? 0) + 1);
  lane.runs.add(begun);
  recordChange(state, { key: lane, atMs: now, kind: "run", of: run.id });
  const lease = { project, session, epoch, owner: worker, sinceMs, untilMs };
  return { input: { ...stored.value }, run: { ...run }, lease };
}

interface RunFacts {
  readonly worker: string;
  readonly epoch: number;
  readonly now: number;
}

function runOn(state: State, { value: input }: StoredInput, { worker, epoch, now }: RunFacts): Run {
  const { id, project, session } = input;
  const attempt = nextAttempt(input);
  return {
    id: `${id}.${attempt}`,
    project,
    session,
    input: id,
    attempt,
    worker,
    epoch,
    revision: state.sessions.get(idOf(input))?.revision ?? 0,
    state: "running",
    startedAtMs: now,
  };
}
