import { beforeEach, describe, expect, test } from "vitest";
import { scriptedAgent } from "../agents/scripted/index.ts";
import type { Agent, AgentStep, Turn } from "../core/agent.ts";
import { eventLog } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { stepLog } from "../core/steps.ts";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { withVerbs } from "../../test/chaos/with-verbs.ts";
import type { Ended } from "./execute.ts";
import { Worker, type WorkerParams } from "./worker.ts";

const session = { project: "p", session: "s" };
const result = { kind: "event", event: { type: "result", ok: true, text: "Done." } } as const;

describe("an agent that does not end", () => {
  onEachStore(({ open }) => {
    let store: Store;
    let ended: Ended[];
    let faults: unknown[];
    /** Lets the agents go on that hang. */
    let late: PromiseWithResolvers<void>;

    beforeEach(async () => {
      store = await open();
      ended = [];
      faults = [];
      late = Promise.withResolvers<void>();
    });

    function worker(agent: Agent, params: Partial<WorkerParams> = {}): Worker {
      return new Worker({
        ...{ store, agents: [agent], owner: "w", graceMs: 20, maxRuns: 1 },
        onEnd: (_claim, how) => void ended.push(how),
        onError: (error) => void faults.push(error),
        ...params,
      });
    }

    /** Answers as the scripted agent, but where it is asked to hang. */
    function hanging(hang: (turn: Turn) => AsyncIterable<AgentStep>): Agent {
      const agent = scriptedAgent();
      return { ...agent, run: (turn) => (turn.input.key === "hang" ? hang(turn) : agent.run(turn)) };
    }

    async function admit(key: string, at = session): Promise<void> {
      const body = JSON.stringify({ prompt: "say One." });
      await store.admit({ session: at, key, body, provider: "scripted" });
    }

    const stateOf = async (key: string): Promise<string | undefined> =>
      (await store.inputs({ key }))[0]?.state;

    test("after a cancel is abandoned: its slot is free, its run says so, and what it does later is refused", async () => {
      const over = Promise.withResolvers<unknown>();
      const agent = hanging(async function* ({ journal }) {
        yield { kind: "event", event: { type: "assistant", text: "Wait." } };
        const step = journal.step("pay", "1", "unsafe", () => late.promise);
        over.resolve(step.catch((error: unknown) => error));
        await step.catch(() => undefined);
        yield { kind: "event", event: { type: "assistant", text: "Too late." } };
        yield result;
      });
      const running = worker(agent);
      const done = running.run();
      await admit("hang");
      await admit("other", { ...session, session: "t" });
      const log = { ...session, log: stepLog((await store.inputs({ key: "hang" }))[0]!.id) };
      await until(async () => (await store.read({ log })).head === 1);
      const [input] = await store.inputs({ key: "hang" });
      await store.cancel({ session, input: input!.id, actor: "ops", reason: "too slow" });
      await until(async () => (await stateOf("other")) === "consumed");

      expect(ended.map(({ as }) => as)).toEqual(["interrupted", "committed"]);
      const run = await store.run({ run: input!.run! });
      expect(run).toMatchObject({
        state: "interrupted",
        reason: expect.stringMatching(/too slow.*abandoned/s),
      });
      expect(await stateOf("hang")).toBe("cancelled");
      const events = await store.read({ log: { ...session, log: eventLog(run!.id) } });
      expect(events.entries.map(({ body }) => JSON.parse(body) as object)).toMatchObject([
        { text: "Wait." },
        { type: "error", code: "agent_abandoned" },
      ]);
      expect(faults).toMatchObject([{ code: "agent_abandoned" }]);

      const before = await store.logs(session);
      late.resolve();
      expect(await over.promise).toMatchObject({ code: "lease_lost" });
      await running.stop();
      await done;
      expect(await store.logs(session)).toEqual(before);
      expect(await store.run({ run: run!.id })).toEqual(run);
    });

    test("though it had its answer writes nothing more into its run, and its input is answered once", async () => {
      const over = Promise.withResolvers<void>();
      const told: string[] = [];
      const agent = hanging(async function* (turn) {
        turn.answered();
        void running.stop({ cancel: true });
        await late.promise;
        try {
          yield said("Too late.");
          yield result;
        } finally {
          await turn.flush();
          over.resolve();
        }
      });
      // Its run is ended by what is read here: the agent goes on right before it.
      const slow = withVerbs(store, {
        tail: async (params) => {
          late.resolve();
          await over.promise;
          return await store.tail(params);
        },
      });
      await admit("hang");
      const onEvent: WorkerParams["onEvent"] = (_claim, { type }) => void told.push(type);
      const running: Worker = worker(agent, { store: slow, onEvent });
      await running.drain();
      expect(ended).toMatchObject([{ as: "interrupted" }]);
      expect(told).not.toContain("notice");
      await worker(scriptedAgent()).drain();
      expect(ended).toMatchObject([{}, { as: "committed", text: "One." }]);
      const { runs } = await store.runs({ session });
      const first = { ...session, log: eventLog(runs.at(-1)!.id) };
      const types = (await store.read({ log: first })).entries.map(({ body }) => JSON.parse(body).type);
      expect(types).toEqual(["error"]);
    });

    test.each([
      [
        "for an entry that may be stored already",
        [{ kind: "entry", log: "", entry: { uuid: "1", body: "{}" } }],
      ],
      ["behind many others", Array.from({ length: 255 }, () => said("Word by word."))],
    ] as const)("in time, whose result waits for the store %s, is committed", async (_, steps) => {
      const agent = hanging(async function* () {
        yield* steps;
        yield result;
      });
      const abandoned = Promise.withResolvers<void>();
      const slow = withVerbs(store, {
        append: async (params) => {
          void running.stop({ cancel: true });
          await abandoned.promise;
          return await store.append(params);
        },
      });
      // Only where the session is there already may an entry be.
      await admit("other");
      await worker(scriptedAgent()).drain();
      await admit("hang");
      const running: Worker = worker(agent, { store: slow, onError: () => abandoned.resolve() });
      await running.drain();
      expect(ended).toMatchObject([{}, { as: "committed", text: "Done." }]);
      expect(await stateOf("hang")).toBe("consumed");
    });

    test("when its worker stops keeps it no longer than the grace, and its input is put back", async () => {
      const agent = hanging(async function* () {
        await late.promise;
        yield result;
      });
      await admit("hang");
      const running = worker(agent);
      const done = running.run();
      await until(async () => (await stateOf("hang")) === "running");
      await running.stop({ cancel: true });
      await done;
      expect(await store.inputs({ key: "hang" })).toMatchObject([{ state: "queued", attempts: 0 }]);
      late.resolve();
    });

    test("after its result is committed all the same", async () => {
      const agent = hanging(async function* () {
        yield result;
        await late.promise;
      });
      await admit("hang");
      await worker(agent).drain();
      expect(ended).toMatchObject([{ as: "committed", text: "Done." }]);
      expect(faults).toMatchObject([{ code: "agent_abandoned" }]);
      late.resolve();
    });

    test("after its lease is lost frees its slot, and leaves its run to recovery", async () => {
      const agent = hanging(async function* () {
        await late.promise;
        yield result;
      });
      await admit("hang");
      const done = worker(agent, { leaseMs: 600 }).drain();
      await until(async () => (await store.runs({ session })).runs.length === 1);
      await store.clearLease({ session, actor: "ops" });
      await done;
      expect(ended).toMatchObject([{ as: "lost" }]);
      expect(await store.runs({})).toMatchObject({ runs: [{ state: "running" }] });
      late.resolve();
    });
  });
});

function said(text: string): AgentStep {
  return { kind: "event", event: { type: "notice", text } };
}

/** Polls what only the store knows; the test's own time limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}
