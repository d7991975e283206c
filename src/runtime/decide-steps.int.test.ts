import { afterAll, describe, expect, test } from "vitest";
import { scriptedAgent } from "../agents/scripted/index.ts";
import type { Agent } from "../core/agent.ts";
import { stepEntry, stepLog, type StepOutcome } from "../core/steps.ts";
import { bodiesOf, logKey, refused, sessionKey } from "../testing/store-suite/samples.ts";
import { leaseMs } from "../testing/store-suite/work-samples.ts";
import { beginRun, recordStep, Stores, stoppedClock, storeWith, tails } from "../../test/runtime/recovery.ts";
import { reconcile } from "./reconcile.ts";
import { resolveRun, type ResolveRunParams } from "./resolve.ts";
import { Worker } from "./worker.ts";

const stores = new Stores();
afterAll(() => stores[Symbol.dispose]());

const paid: StepOutcome = { ok: true, value: "receipt 7" };

describe.each(stores.all)("a step of unknown outcome on $driver", ({ open }) => {
  async function held() {
    const clock = stoppedClock();
    const store = await open(clock);
    const claim = await beginRun(store, "a");
    await recordStep(store, claim, { type: "started", effect: "unsafe" });
    await tails.open(store, claim);
    clock.advance(leaseMs);
    expect(await reconcile({ store, owner: "r" })).toMatchObject({ runs: [{ reason: "step_unknown" }] });
    const run = claim.run.id;
    const resolve = (more: Partial<ResolveRunParams>) =>
      resolveRun({
        store,
        run,
        as: "resume",
        actor: "ops",
        reason: "Asked the bank.",
        owner: "cli",
        ...more,
      });
    const steps = () => bodiesOf(store, logKey("a", stepLog(claim.input.id)));
    return { store, run, resolve, steps };
  }

  const outcomes = [
    [paid, "receipt 7"],
    [{ ok: false, message: "The card was refused." }, "threw The card was refused."],
  ] as const;
  test.each(outcomes)("goes on as an operator says (%j), and is never done again", async (outcome, text) => {
    const { store, run, resolve, steps } = await held();
    const { input } = await resolve({ steps: [{ step: "Pay", outcome }] });
    expect(input).toBe("queued");
    expect(JSON.parse((await steps()).at(-1)!)).toMatchObject({
      run,
      decided: { actor: "ops", reason: "Asked the bank." },
    });
    const word = outcome.ok ? "done" : "failed";
    expect(await store.audit({ limit: 1 })).toMatchObject([
      { verb: "run_interrupted", actor: "ops", run, reason: `Asked the bank. The step Pay is ${word}.` },
    ]);
    let calls = 0;
    const paying: Agent = {
      ...scriptedAgent(),
      async *run({ journal }) {
        const pay = journal.step("Pay", "1", "unsafe", async () => `call ${(calls += 1)}`);
        const told = await pay.catch((error: Error) => `threw ${error.message}`);
        yield { kind: "event", event: { type: "result", ok: true, text: told } };
      },
    };
    const ended: unknown[] = [];
    await new Worker({
      store,
      agents: [paying],
      owner: "w",
      onEnd: (_, how) => void ended.push(how),
    }).drain();
    expect(ended).toMatchObject([{ as: "committed", text }]);
    expect(calls).toBe(0);
  });

  test("closes its tool call with what it gave", async () => {
    const { store, resolve } = await held();
    await resolve({ as: "commit", steps: [{ step: "Pay:1", outcome: paid }] });
    expect((await bodiesOf(store, logKey("a")))[2]).toContain("receipt 7");
  });

  test("is recorded once, also where the decision is made again because its end was lost", async () => {
    const { store, run, resolve, steps } = await held();
    const decided = { steps: [{ step: "Pay", outcome: paid }] };
    const broken = storeWith(store, { endRun: () => Promise.reject(new Error("Broken.")) });
    await expect(resolve({ ...decided, store: broken })).rejects.toThrow("Broken.");
    expect(await store.run({ run })).toMatchObject({ state: "held" });
    await refused("usage", () =>
      resolve({ steps: [{ step: "Pay", outcome: { ok: true, value: "other" } }] }),
    );
    expect(await resolve(decided)).toMatchObject({ input: "queued" });
    expect(await steps()).toHaveLength(2);
  });

  test("is refused under a name that none or several have, and nothing is written", async () => {
    const { store, run, resolve } = await held();
    const { epoch } = await store.acquireLease({ session: sessionKey("a"), owner: "w-1", leaseMs });
    const second = { name: "Pay", key: "2", effect: "unsafe", type: "started", run } as const;
    const log = logKey("a", stepLog((await store.run({ run }))!.input));
    await store.append({ log, entries: [stepEntry(second)], fence: { epoch } });
    await store.releaseLease({ session: sessionKey("a"), epoch });
    const before = await bodiesOf(store, log);
    for (const step of ["Buy", "Pay", "Pay:3"]) {
      const error = await refused("usage", () => resolve({ steps: [{ step, outcome: paid }] }));
      expect(error.data).toMatchObject({ open: ["Pay:1", "Pay:2"] });
    }
    expect(await bodiesOf(store, log)).toEqual(before);
    expect(await store.run({ run })).toMatchObject({ state: "held" });
  });
});
