import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { type Started, startProgram } from "../../test/cli/started.ts";
import { leaveRun, withStoreOf } from "../../test/cli/work.ts";
import type { Store } from "../core/store.ts";

let home: Home;
let children: Started[];

beforeEach(() => {
  home = new Home();
  children = [];
});
afterEach(() => {
  for (const { child } of children) child.kill("SIGKILL");
  home[Symbol.dispose]();
});

describe("a worker", () => {
  it("runs what is asked of its providers alone, a line each at begin and end, and ends with 0", async () => {
    await ask("s-1", "say Hello.");
    await ask("s-2", "say Other.", "claude-code");
    const worker = start("--provider", "scripted");
    await worker.says("Run 1.1 began in session s-1 of project p, attempt 1.\n");
    await worker.says("Committed run 1.1: ");
    await ask("s-3", "fail The model is gone.");
    await worker.says("It failed: The model is gone.");
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toEqual([0, null]);
    expect(worker.stdout).toBe("");
    const lines = worker.stderr.trimEnd().split("\n");
    expect(lines[0]).toMatch(
      /^Worker cli:\S+ takes inputs of scripted from sqlite:\S+\/holdfast\.db, 8 at once\.$/,
    );
    expect(lines.at(-1)).toBe("Stopped after 2 runs.");
    expect(lines).toHaveLength(7);
    expect(await states()).toEqual(["consumed", "queued", "consumed"]);
  });

  it("first ends what dead workers have left, and takes up their inputs", async () => {
    const left = await leaveRun(home, { project: "p", session: "s-1" }, { type: "user", text: "x" });
    const worker = start();
    await worker.says(`Recovered run ${left.id} of s-1: interrupted,`);
    await worker.says("Run 1.2 began in session s-1 of project p, attempt 2.");
    await worker.says("Committed run 1.2: ");
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toEqual([0, null]);
  });

  it("shares the inputs with others, each within its own bound", async () => {
    for (const session of ["s-1", "s-2", "s-3"]) await ask(session, "slow 600000");
    const workers = [
      start("--concurrency", "1", "--drain-ms", "0"),
      start("--concurrency", "1", "--drain-ms", "0"),
    ];
    await Promise.all(workers.map((worker) => worker.says(" began in session ")));
    expect((await states()).toSorted()).toEqual(["queued", "running", "running"]);
    for (const worker of workers) worker.child.kill("SIGTERM");
    for (const worker of workers) expect(await worker.ended).toEqual([0, null]);
    expect(await states()).toEqual(["queued", "queued", "queued"]);
  });

  it("serves one project, where it is told to", async () => {
    await ask("s-1", "say Hello.");
    await ask("s-1", "say Hello.", "scripted", "q");
    const worker = start("--project", "q");
    await worker.says("Committed run 2.1: ");
    worker.child.kill("SIGTERM");
    await worker.ended;
    expect(await states()).toEqual(["queued", "consumed"]);
  });

  it("tells the same as one JSON document a line", async () => {
    await ask("s-1", "say Hello.");
    await leaveRun(home, { project: "p", session: "s-2" }, { type: "result", ok: true, text: "whole" });
    const worker = start("--json");
    await worker.prints('"type":"ended"');
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toEqual([0, null]);
    expect(worker.stderr).toBe("");
    const told = worker.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(told).toMatchObject([
      { schemaVersion: 1, type: "started", providers: ["claude-code", "scripted"], concurrency: 8 },
      { type: "recovered", result: "committed", run: { id: "2.1" } },
      {
        type: "begun",
        run: "1.1",
        input: "1",
        provider: "scripted",
        project: "p",
        session: "s-1",
        attempt: 1,
      },
      { type: "ended", run: "1.1", as: "committed", ok: true, receipt: { run: "1.1" } },
      { type: "stopping", runs: 0 },
      { type: "stopped", runs: 1 },
    ]);
  });

  it("says that the store is busy, and goes on when it is not", async () => {
    await ask("s-1", "say Hello.");
    const lock = new DatabaseSync(home.database, { timeout: 10_000 });
    lock.exec("BEGIN IMMEDIATE");
    const worker = start({ HOLDFAST_LOCK_WAIT_MS: "50" });
    await worker.says("holdfast: Another process held the store");
    lock.exec("ROLLBACK");
    lock.close();
    // Any write wakes it before it looks again by itself.
    await ask("s-2", "say Hello.");
    await worker.says("Committed run 1.1: ");
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toEqual([0, null]);
  });
});

describe("a worker that is stopped", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "by %s lets its runs end in time, takes no more, and ends with 0",
    async (signal) => {
      await ask("s-1", "slow 1500; say At last.");
      const worker = start("--concurrency", "1");
      await worker.says("Run 1.1 began");
      await ask("s-2", "say Never.");
      worker.child.kill(signal);
      await worker.says("Stopping: no more inputs are taken. 1 run may end within 30 s.");
      await worker.says("Committed run 1.1: ");
      expect(await worker.ended).toEqual([0, null]);
      expect(await states()).toEqual(["consumed", "queued"]);
    },
  );

  it("interrupts what does not end in time, which is no try, and keeps what it did", async () => {
    await ask("s-1", "say Begun.; slow 600000");
    const worker = start("--drain-ms", "100");
    await worker.says("Run 1.1 began");
    await eventOf("1.1", "waiting");
    worker.child.kill("SIGTERM");
    await worker.says("The time is over: 1 run interrupted, and tried again without being counted.");
    await worker.says("Run 1.1 interrupted: The worker is being stopped.");
    expect(await worker.ended).toEqual([0, null]);
    const [input] = await withStoreOf(home, (store) => store.inputs({}));
    expect(input).toMatchObject({ state: "queued", attempts: 0, run: "1.1" });
    expect((await home.run(["show", "s-1"])).stdout).toContain("● Begun.");
  });

  it("twice ends at once, and leaves its run to recovery", async () => {
    await ask("s-1", "slow 600000");
    const worker = start();
    await worker.says("Run 1.1 began");
    worker.child.kill("SIGTERM");
    await worker.says("Stopping: ");
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toEqual([130, null]);
    expect(await states()).toEqual(["running"]);
  });
});

describe("the agents, switched off", () => {
  it.each([
    ["by the environment", { HOLDFAST_AGENTS: "off" }, "{}"],
    ["by the config file", {}, '{"agents": {"enabled": false}}'],
  ])("%s serve nothing, and nothing of them is loaded", async (_, env, config) => {
    home.write(".config/holdfast/config.json", config);
    const worker = start(env);
    expect(await worker.ended).toEqual([2, null]);
    expect(worker.stderr).toContain("The agents are switched off");
    const run = await home.run(runClaude, { ...env, ...telling });
    expect([run.code, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toContain("The agent claude is switched off.");
    expect(run.stderr).not.toMatch(loadsClaude);
    const scripted = ["run", "say Hello.", "--agent", "scripted", "--session", "s-9", "--project", "p"];
    const as = await home.run(scripted, { ...env, ...telling });
    expect(as.code).toBe(0);
    expect(as.stderr).not.toMatch(loadsClaude);
  });

  it("are switched on by the environment whatever the file says, and loaded by who names them", async () => {
    home.write(".config/holdfast/config.json", '{"agents": {"enabled": false}}');
    const { code, stderr } = await home.run(runClaude, { HOLDFAST_AGENTS: "on", ...telling });
    expect(stderr).not.toContain("switched off");
    expect(stderr).toMatch(loadsClaude);
    // Its SDK is not here, which is said before anything is asked of it.
    expect(code).toBe(1);
    expect(stderr).toContain("npm install @anthropic-ai/claude-agent-sdk");
    expect(existsSync(home.database)).toBe(false);
  });
});

const runClaude = ["run", "hi", "--agent", "claude", "--session", "s-8", "--project", "p"];
/** Tells each module that is loaded. */
const telling = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    `import { registerHooks } from "node:module";
     registerHooks({ load: (url, context, next) => (process.stderr.write("loads " + url + "\\n"), next(url, context)) });`,
  )}`,
};
const loadsClaude = /^loads \S+\/cli\/claude-agent\.js$/m;

function start(...args: readonly (string | NodeJS.ProcessEnv)[]): Started {
  const words = args.filter((one) => typeof one === "string");
  const env = args.find((one): one is NodeJS.ProcessEnv => typeof one === "object");
  const started = startProgram(home, ["worker", ...words], env);
  children.push(started);
  return started;
}

async function ask(session: string, prompt: string, provider = "scripted", project = "p"): Promise<void> {
  await withStoreOf(home, (store) =>
    store.admit({ session: { project, session }, key: prompt, body: JSON.stringify({ prompt }), provider }),
  );
}

/** The inputs' states, oldest first. */
async function states(): Promise<string[]> {
  const inputs = await withStoreOf(home, (store) => store.inputs({}));
  return inputs.map(({ state }) => state).toReversed();
}

/** Resolves when a run has staged an event that holds this. */
async function eventOf(run: string, text: string): Promise<void> {
  await withStoreOf(home, async (store: Store) => {
    const log = { project: "p", session: "s-1", log: `@run/${run}` };
    for (;;) {
      const { position } = await store.changes({ after: 0, limit: 1 });
      const { entries } = await store.read({ log, run });
      if (entries.some(({ body }) => body.includes(text))) return;
      for await (const _ of store.watch({ after: position }, AbortSignal.timeout(100))) break;
    }
  });
}
