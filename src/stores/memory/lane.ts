import type { LeaseRow } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Input } from "../../core/input.ts";
import type { Run } from "../../core/run.ts";
import { insertSorted, removeSorted } from "./sorted.ts";
import { idOf, type State } from "./state.ts";

/** A session's work: its lease, its inputs and its runs. It outlives a drop, because an epoch is never given twice. */
export interface Lane extends SessionKey {
  /** Undefined: there was never one. */
  lease: LeaseRow | undefined;
  readonly keys: Map<string, StoredInput>;
  /** The queued inputs, the next one first. */
  readonly queue: StoredInput[];
  /** Oldest first. */
  readonly inputs: Set<StoredInput>;
  readonly runs: Set<StoredRun>;
  /** The run that is running or held. */
  open: StoredRun | undefined;
  /** Counts over all claims of the store; 0: never served. */
  served: number;
}

export interface StoredInput {
  readonly rowId: number;
  value: Input;
}

export interface StoredRun {
  readonly rowId: number;
  value: Run;
}

/** The session's lane, made where there is none. */
export function laneOf(state: State, key: SessionKey): Lane {
  const found = findLane(state, key);
  if (found !== undefined) return found;
  const made: Lane = {
    project: key.project,
    session: key.session,
    lease: undefined,
    keys: new Map(),
    queue: [],
    inputs: new Set(),
    runs: new Set(),
    open: undefined,
    served: 0,
  };
  state.lanes.set(idOf(key), made);
  return made;
}

/** The session's lane, if it has one. */
export function findLane(state: State, key: SessionKey): Lane | undefined {
  return state.lanes.get(idOf(key));
}

/** Changes a lane's queue, its open run or its turn, and keeps its place among those that are ready. */
export function changeLane(state: State, lane: Lane, change: () => void): void {
  if (isReady(lane)) removeSorted(state.ready, lane, byTurn);
  change();
  if (isReady(lane)) insertSorted(state.ready, lane, byTurn);
}

/** Puts an input into its session's queue; within {@link changeLane}. */
export function enqueue(lane: Lane, input: StoredInput): void {
  insertSorted(lane.queue, input, byPriority);
}

/** Takes an input out of its session's queue; within {@link changeLane}. */
export function dequeue(lane: Lane, input: StoredInput): void {
  removeSorted(lane.queue, input, byPriority);
}

/** Begins a lease under a new epoch. */
export function beginLease(lane: Lane, owner: string, leaseMs: number, now: number): LeaseRow {
  return (lane.lease = { epoch: epochOf(lane) + 1, owner, sinceMs: now, untilMs: now + leaseMs });
}

/** Ends whatever lease there is; `epoch` is kept or made greater. */
export function endLease(lane: Lane, epoch = epochOf(lane)): void {
  lane.lease = { epoch, owner: null, sinceMs: 0, untilMs: 0 };
}

/** The session's last epoch; 0: there was never a lease. */
export function epochOf({ lease }: Lane): number {
  return lease?.epoch ?? 0;
}

function isReady({ queue, open }: Lane): boolean {
  return queue.length > 0 && open === undefined;
}

function byTurn(a: Lane, b: Lane): number {
  const [nextOfA, nextOfB] = [a.queue[0]!, b.queue[0]!];
  const priority = nextOfB.value.priority - nextOfA.value.priority;
  return priority || a.served - b.served || nextOfA.rowId - nextOfB.rowId;
}

function byPriority(a: StoredInput, b: StoredInput): number {
  return b.value.priority - a.value.priority || a.rowId - b.rowId;
}
