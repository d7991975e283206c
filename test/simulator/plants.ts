import type { Agent } from "../../src/core/agent.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { EndRunParams } from "../../src/core/run.ts";
import { discardedLog } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { changeLane, dequeue, findLane, type Lane } from "../../src/stores/memory/lane.ts";
import { publish } from "../../src/stores/memory/publish.ts";
import { stage } from "../../src/stores/memory/stage.ts";
import { emptyState, idOf, type State } from "../../src/stores/memory/state.ts";
import type { ScheduleParams } from "./schedule.ts";

/** A fault in the store, in the agent or in what the runtime asks, by what it does wrong. */
export interface Plant extends Pick<ScheduleParams, "open" | "plantAgent" | "plantCall"> {
  /** The invariants whose checks may be the first to see it. */
  readonly breaks: readonly number[];
}

/** Each of them is one line that somebody could forget. */
export const plants: Readonly<Record<string, Plant>> = {
  "a store that publishes what a run stages": inStore([1], (right, state) => ({
    async append(params) {
      const result = await right.append(params);
      const session = state.sessions.get(idOf(params.log));
      if (params.run !== undefined && session?.staged.has(params.log.log) === true)
        publish(state, session, params.log.log, state.clock.now());
      return result;
    },
  })),
  "a store whose reads go beyond the committed end": inStore([1], (right, state) => ({
    read(params) {
      const open = findLane(state, params.log)?.open?.value.id;
      return right.read(open === undefined ? params : { ...params, run: open });
    },
  })),
  "a store that appends without asking for the lease": inStore([18], (right, state) => ({
    async append(params) {
      const { log, fence } = params;
      const lane = findLane(state, log);
      if (fence === undefined || lane === undefined) return await right.append(params);
      const { lease } = lane;
      lane.lease = eternal(fence.epoch);
      return await right.append(params).finally(() => (lane.lease = lease));
    },
  })),
  "a store that commits without asking for the lease": inStore([18], (right, state) => ({
    commit: (params) => unfenced(state, params, () => right.commit(params)),
  })),
  "a store that ends a run without asking for the lease": inStore([18], (right, state) => ({
    endRun: (params) => unfenced(state, params, () => right.endRun(params)),
  })),
  "a store that renews a lease which has run out": inStore([18], (right, state) => ({
    renewLease(params) {
      const lane = findLane(state, params.session);
      if (lane?.lease?.epoch === params.epoch && lane.lease.owner !== null)
        lane.lease = eternal(params.epoch);
      return right.renewLease(params);
    },
  })),
  "a store that leases a session twice": inStore([17], (right, state) => ({
    acquireLease(params) {
      const lane = findLane(state, params.session);
      if (lane?.lease !== undefined) lane.lease = { ...lane.lease, owner: null };
      return right.acquireLease(params);
    },
  })),
  "a store that gives an epoch twice": inStore([17], (right, state) => ({
    claim(params) {
      for (const lane of state.lanes.values())
        if (lane.lease?.owner === null && lane.lease.epoch > 0)
          lane.lease = { ...lane.lease, epoch: lane.lease.epoch - 1 };
      return right.claim(params);
    },
  })),
  "a store that clears a lease and lets its holder go on": inStore([17, 18], (right, state) => ({
    async clearLease(params) {
      const lane = findLane(state, params.session);
      const lease = lane?.lease;
      const result = await right.clearLease(params);
      if (lane !== undefined) lane.lease = lease;
      return result;
    },
  })),
  "a store that keeps the lease of a run which it holds": inStore([17], (right, state) => ({
    async endRun(params) {
      const lane = findLane(state, params.session);
      const lease = lane?.lease;
      const result = await right.endRun(params);
      if (params.as === "held" && !result.alreadyClosed && lane !== undefined) lane.lease = lease;
      return result;
    },
  })),
  "a store that begins a run while another one is open": inStore([32], (right, state) => ({
    claim(params) {
      for (const lane of state.lanes.values())
        if (lane.open !== undefined) changeLane(state, lane, () => (lane.open = undefined));
      return right.claim(params);
    },
  })),
  "a store that forgets the digest when a commit comes again": inStore([22], (right, state) => ({
    async commit(params) {
      const receipt = state.runs.get(params.run)?.value.receipt;
      if (receipt === undefined) return await right.commit(params);
      return { receipt: { ...receipt }, alreadyCommitted: true };
    },
  })),
  "a store that ends whatever tail there is": inStore([13, 22], (right) => ({
    endRun: async (params) => await right.endRun({ ...params, ...(await tailOf(right, params)) }),
    commit: async (params) => await right.commit({ ...params, ...(await tailOf(right, params)) }),
  })),
  "a store that commits and leaves the input running": inStore([32, 36], (right, state) => ({
    async commit(params) {
      const result = await right.commit(params);
      const input = state.inputs.get(result.receipt.input);
      if (input !== undefined) input.value = { ...input.value, state: "running" };
      return result;
    },
  })),
  "a store that consumes the input before the commit": inStore([32, 36], (right, state) => ({
    async claim(params) {
      const claim = await right.claim(params);
      if (claim === null) return null;
      const input = state.inputs.get(claim.input.id)!;
      input.value = { ...input.value, state: "consumed" };
      return claim;
    },
  })),
  "a store that tries an input for ever": inStore([34, 35], (right, state) => ({
    endRun(params) {
      const input = state.inputs.get(state.runs.get(params.run)?.value.input ?? "");
      if (input?.value.attempts === 3) input.value = { ...input.value, attempts: 2 };
      return right.endRun(params);
    },
  })),
  "a store that forgets the keys of its inputs": inStore([25], (right, state) => ({
    admit(params) {
      findLane(state, params.session)?.keys.delete(params.key);
      return right.admit(params);
    },
  })),
  "a store that acknowledges an input and loses it": inStore([30, 34], (right, state) => ({
    async admit(params) {
      const result = await right.admit(params);
      const lane = findLane(state, params.session);
      if (lane !== undefined) lose(state, lane, result.input.id);
      return result;
    },
  })),
  "a store that shows again what was discarded": inStore([1], (right, state) => ({
    async endRun(params) {
      const result = await right.endRun(params);
      if (params.as === "discarded" && !result.alreadyClosed) revive(state, params);
      return result;
    },
  })),
  "a store that forgets a row of the feed": inStore([64], (right, state) => ({
    async commit(params) {
      const result = await right.commit(params);
      if (!result.alreadyCommitted) state.changes.pop();
      return result;
    },
  })),
  "a store that keeps the revision": inStore([10], (right, state) => ({
    async commit(params) {
      const result = await right.commit(params);
      if (!result.alreadyCommitted) state.sessions.get(idOf(params.session))!.revision -= 1;
      return result;
    },
  })),
  "a store that counts usage twice": inStore([2], (right) => ({
    async commit(params) {
      const result = await right.commit(params);
      const rows = (params.usage ?? []).map((row) => ({ ...row, key: `${row.key} again` }));
      await right.recordUsage({ session: params.session, rows });
      return result;
    },
  })),
  "a store that appends what it holds already": inStore([56], (right) => ({
    append: ({ entries, ...params }) =>
      right.append({ ...params, entries: entries.map(({ uuid: _uuid, ...entry }) => entry) }),
  })),
  "a store that ends a run without a word on record": inStore([28], (right, state) => ({
    async endRun(params) {
      const result = await right.endRun(params);
      if (!result.alreadyClosed) state.audit.pop();
      return result;
    },
  })),
  "a runtime that forgets the closers": {
    breaks: [42],
    plantCall: (verb, params) =>
      verb === "endRun" ? { ...(params as EndRunParams), closers: [] } : undefined,
  },
  "a store that loses the journal of steps": inStore([42], (right) => ({
    async *scan(params) {
      if (!params.log.log.startsWith("@steps/")) yield* right.scan(params);
    },
  })),
  "an agent that does its tools without the journal": inAgent([42], (agent) => ({
    ...agent,
    run: (turn) =>
      agent.run({ ...turn, journal: { step: (_name, key, _effect, fn) => fn({ key, ask: false }) } }),
  })),
  "an agent that names its steps by the run": inAgent([42], (agent) => ({
    ...agent,
    run: (turn) =>
      agent.run({
        ...turn,
        journal: {
          step: (name, key, effect, fn) => turn.journal.step(name, `${key} of ${turn.run}`, effect, fn),
        },
      }),
  })),
};

type Change = (right: Store, state: State) => Partial<Store>;

function inStore(breaks: readonly number[], change: Change): Plant {
  const open = ({ clock }: { readonly clock: Clock }): Store => {
    const state = emptyState(clock);
    // The driver's class is its own affair; two of them on one state are one store.
    const Driver = openMemoryStore().constructor as new (state: State) => Store;
    return Object.assign(new Driver(state), change(new Driver(state), state));
  };
  return { breaks, open };
}

function inAgent(breaks: readonly number[], plantAgent: (agent: Agent) => Agent): Plant {
  return { breaks, plantAgent };
}

interface Fenced {
  readonly session: SessionKey;
  readonly epoch: number;
}

async function unfenced<Result>(
  state: State,
  { session, epoch }: Fenced,
  act: () => Promise<Result>,
): Promise<Result> {
  const lane = findLane(state, session);
  if (lane === undefined) return await act();
  const { lease } = lane;
  const given = (lane.lease = eternal(epoch));
  // What was ended stays ended.
  return await act().finally(() => lane.lease === given && (lane.lease = lease));
}

function eternal(epoch: number): NonNullable<Lane["lease"]> {
  return { epoch, owner: "nobody asks", sinceMs: 0, untilMs: Infinity };
}

async function tailOf(store: Store, { run }: { readonly run: string }) {
  const state = (await store.run({ run }))?.state;
  return state === "running" || state === "held" ? { parts: (await store.tail({ run })).parts } : {};
}

function lose(state: State, lane: Lane, id: string): void {
  const stored = state.inputs.get(id);
  if (stored?.value.state !== "queued") return;
  changeLane(state, lane, () => dequeue(lane, stored));
  lane.inputs.delete(stored);
  lane.keys.delete(stored.value.key);
  state.inputs.delete(id);
}

function revive(state: State, { session: key, run }: EndRunParams): void {
  const session = state.sessions.get(idOf(key));
  const kept = session?.logs.get(discardedLog(run, ""));
  if (session === undefined || kept === undefined) return;
  const fresh = kept.entries.map(({ seq: _seq, ...entry }) => entry);
  stage(state, session, { log: "", fresh, now: state.clock.now() });
  publish(state, session, "", state.clock.now());
}
