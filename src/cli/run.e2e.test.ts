import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { type Started, startProgram } from "../../test/cli/started.ts";
import { stepLog } from "../core/steps.ts";
import { damaged, leaveRun, withStoreOf } from "../../test/cli/work.ts";

let home: Home;
let children: Started[];
const session = { project: "p", session: "s-1" };
const at = ["--agent", "scripted", "--project", "p", "--session", "s-1"];

beforeEach(() => {
  home = new Home();
  children = [];
});
afterEach(() => {
  for (const { child } of children) child.kill("SIGKILL");
  home[Symbol.dispose]();
});

describe("Ctrl-C on run", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "or its like, %s, interrupts the run, keeps what was said, cancels the input, and ends with 130",
    async (signal) => {
      const run = start(["run", "say Begun.; slow 600000; say Never.", ...at]);
      await run.says("┆ ── waiting ──");
      run.child.kill(signal);
      expect(await run.ended).toEqual([130, null]);
      expect(run.stdout).toMatch(/^The input 1 is cancelled: Stopped by Ctrl-C\.\n$/);
      await withStoreOf(home, async (store) => {
        expect((await store.runs()).runs).toMatchObject([
          { state: "interrupted", reason: "Stopped by Ctrl-C." },
        ]);
        expect(await store.inputs({})).toMatchObject([{ state: "cancelled", attempts: 1 }]);
        expect(await store.lease(session)).toBe(null);
      });
      const { stdout } = await home.run(["show", "s-1"]);
      expect(stdout).toContain("● Begun.");
      expect(stdout).not.toContain("● Never.");
      expect((await home.run(["run", "say Again.", ...at])).code).toBe(0);
    },
  );

  it("while the session is busy cancels the input without a run, and leaves the other's lease", async () => {
    const lease = await withStoreOf(home, (store) =>
      store.acquireLease({ session, owner: "other host", leaseMs: 60_000 }),
    );
    const run = start(["run", "say 1", ...at]);
    await run.says("Waiting. The session is written by other host");
    run.child.kill("SIGINT");
    expect(await run.ended).toEqual([130, null]);
    expect(await withStoreOf(home, (store) => store.lease(session))).toEqual(lease);
    expect(await withStoreOf(home, (store) => store.runs())).toEqual({ runs: [] });
  });

  it("twice ends it at once, and recovery does the rest", async () => {
    const run = start(["run", "slow 600000", ...at]);
    await run.says("┆ ── waiting ──");
    using lock = new DatabaseSync(home.database, { timeout: 10_000 });
    // Nothing can be written, so the first one cannot come to its end.
    lock.exec("BEGIN IMMEDIATE");
    run.child.kill("SIGINT");
    await run.says("Stopping: ");
    run.child.kill("SIGINT");
    expect(await run.ended).toEqual([130, null]);
    lock.exec("ROLLBACK");
    expect((await withStoreOf(home, (store) => store.runs())).runs).toMatchObject([{ state: "running" }]);
    await withStoreOf(home, (store) => store.clearLease({ session, actor: "test" }));
    expect((await home.run(["reconcile"])).code).toBe(0);
    expect((await withStoreOf(home, (store) => store.runs())).runs).toMatchObject([{ state: "interrupted" }]);
  });
});

describe("run on a session that is busy", () => {
  it("waits for the lease to end and then runs", async () => {
    const { epoch } = await withStoreOf(home, (store) =>
      store.acquireLease({ session, owner: "other host", leaseMs: 60_000 }),
    );
    const run = start(["run", "say Now.", ...at]);
    await run.says("Waiting. The session is written by other host");
    await withStoreOf(home, (store) => store.releaseLease({ session, epoch }));
    expect(await run.ended).toEqual([0, null]);
    expect(run.stdout).toContain("Committed run 1.1");
  });

  it("ends the run of a worker that dies meanwhile, and lets that input go first", async () => {
    const { epoch } = await withStoreOf(home, async (store) => {
      await store.admit({ session, key: "k", body: '{"prompt":"say First."}', provider: "scripted" });
      const claim = await store.claim({ worker: "other host", leaseMs: 60_000 });
      return claim!.lease;
    });
    const run = start(["run", "say Mine.", ...at]);
    await run.says("Waiting. The session is written by other host");
    await withStoreOf(home, (store) => store.releaseLease({ session, epoch }));
    await run.says("Run 1.2 in session s-1 of project p, attempt 2, of the input 1 that goes first.");
    expect(await run.ended).toEqual([0, null]);
    expect(run.stdout).toContain("Committed run 2.1");
  });

  it("waits for an operator's word on a held run, which it names with what to type", async () => {
    const { id } = await leaveRun(home, session, damaged);
    const run = start(["run", "say Now.", ...at]);
    await run.says(`holdfast runs resolve ${id}`);
    expect((await home.run(["runs", "resolve", id, "--discard", "--reason", "x"])).code).toBe(0);
    expect(await run.ended).toEqual([0, null]);
  });

  it("ends with 1 where the session is removed meanwhile", async () => {
    await withStoreOf(home, (store) => store.acquireLease({ session, owner: "other host", leaseMs: 60_000 }));
    const run = start(["run", "say 1", ...at]);
    await run.says("Waiting.");
    await withStoreOf(home, (store) => store.drop({ session, actor: "test" }));
    expect(await run.ended).toEqual([1, null]);
    expect(run.stdout).toBe("");
  });

  it("is stopped by another terminal's cancel, and ends with 1", async () => {
    const run = start(["run", "slow 600000", ...at]);
    await run.says("┆ ── waiting ──");
    expect((await home.run(["inputs", "cancel", "1", "--reason", "no need"])).code).toBe(0);
    expect(await run.ended).toEqual([1, null]);
    expect(run.stdout).toBe("The input 1 is cancelled: no need\n");
  });

  it("because a killed process left it is freed by reconcile, which holds a run whose unsafe step had begun", async () => {
    const killed = start(["run", "say Begun.; tool Deploy unsafe 600000", ...at]);
    await killed.says("┆ ▸ Deploy");
    await withStoreOf(home, async (store) => {
      const log = { ...session, log: stepLog("1") };
      for await (const _ of store.watch({ after: 0 }, AbortSignal.timeout(20_000)))
        if ((await store.read({ log, limit: 1 })).committed > 0) break;
    });
    killed.child.kill("SIGKILL");
    await killed.ended;
    await withStoreOf(home, (store) => store.clearLease({ session, actor: "test" }));
    const { code, stdout } = await home.run(["reconcile"]);
    expect(code).toBe(3);
    expect(stdout).toContain("Whether the step Deploy took effect is not known.");
  });
});

function start(args: readonly string[]): Started {
  const started = startProgram(home, args);
  children.push(started);
  return started;
}
