import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { linkEntry } from "../core/links.ts";
import { stepEntry, stepLog } from "../core/steps.ts";
import { Home, snapshot } from "../../test/cli/home.ts";
import { damaged, leaveRun, withStoreOf } from "../../test/cli/work.ts";

let home: Home;
const session = { project: "p", session: "s-1" };
const at = ["--agent", "scripted", "--project", "p", "--session", "s-1"];

beforeEach(() => {
  home = new Home();
});
afterEach(() => home[Symbol.dispose]());

describe("reconcile", () => {
  it("says in a dry run what it then does, changes nothing before, and does it once", async () => {
    const done = { ...session, session: "done" };
    await leaveRun(home, session, { type: "user", text: "x" });
    await leaveRun(home, done, { type: "result", ok: true, text: "whole" });
    const before = snapshot(home.folder);
    const foreseen = await home.runInside(["reconcile", "--dry-run"]);
    expect(foreseen.code).toBe(0);
    expect(foreseen.stdout).toContain("2.1 of done: would be committed, 1 entry.\n");
    expect(foreseen.stdout).toContain("1.1 of s-1: would be interrupted,");
    expect(snapshot(home.folder)).toEqual(before);
    const { code, stdout } = await home.runInside(["reconcile"]);
    expect(code).toBe(0);
    expect(stdout).toContain("2.1 of done: committed, 1 entry.\n");
    expect(stdout).toMatch(/^1\.1 of s-1: interrupted, .*its input is queued\.$/m);
    expect((await home.runInside(["reconcile"])).stdout).toBe(
      "Nothing to do: 0 open runs, 0 of them at work.\n",
    );
  });

  it("ends with 3 while a run is held, and leaves one at work alone", async () => {
    const run = await leaveRun(home, session, damaged);
    for (const args of [["--dry-run"], [], [], ["--json"]]) {
      const { code, stdout } = await home.runInside(["reconcile", ...args]);
      expect(code).toBe(3);
      if (args[0] === "--json")
        expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, held: 1, runs: [] });
      else expect(stdout).toContain("holdfast runs resolve");
    }
    await home.runInside(["runs", "resolve", run.id, "--discard", "--reason", "x"]);
    await withStoreOf(home, async (store) => {
      await store.admit({ session, key: "k", body: "{}", provider: "scripted" });
      await store.claim({ worker: "w", leaseMs: 60_000 });
    });
    expect(await home.runInside(["reconcile"])).toMatchObject({
      code: 0,
      stdout:
        "Nothing to do: 1 open run, 1 of them at work. One whose worker has died is ended once its lease has lapsed.\n",
    });
  });

  it("ends no more than --limit, and says that there are more", async () => {
    for (const name of ["a", "b", "c"]) await leaveRun(home, { project: "p", session: name });
    expect((await home.runInside(["reconcile", "--limit", "2"])).stdout).toContain("There are more");
    expect((await home.runInside(["reconcile", "--limit", "2"])).stdout).not.toContain("There are more");
  });
});

describe("runs", () => {
  it("list filters by session, also one of which nothing is committed, and by state", async () => {
    await home.runInside(["run", "say 1", ...at]);
    const left = await leaveRun(home, { project: "p", session: "hidden" });
    const states = async (...args: string[]) => {
      const { runs } = JSON.parse((await home.runInside(["runs", "list", "--json", ...args])).stdout);
      return runs.map(({ id, state, lapsed }: Record<string, unknown>) => [id, state, lapsed]);
    };
    expect(await states()).toEqual([
      [left.id, "running", true],
      ["1.1", "committed", false],
    ]);
    expect(await states("--session", "hid")).toEqual([[left.id, "running", true]]);
    expect(await states("--state", "committed")).toEqual([["1.1", "committed", false]]);
    expect(await states("--limit", "1")).toHaveLength(1);
    expect((await home.runInside(["runs", "list"])).stdout).toContain("lapsed");
  });

  it("show tells what an open run has staged, what recovery makes of it, and its events as not committed", async () => {
    const run = await leaveRun(home, session, { type: "user", text: "say it" }, damaged);
    const { code, stdout } = await home.runInside(["runs", "show", run.id, "--events"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`Run ${run.id}: lapsed\n`);
    expect(stdout).toContain("staged   2 entries in 1 log, not committed\n");
    expect(stdout).toContain("verdict  hold: ");
    expect(stdout).toContain("┆ ❯ say it\n┆ ── An event has a wrong text. ──\n");
    const shown = JSON.parse((await home.runInside(["runs", "show", run.id, "--events", "--json"])).stdout);
    expect(shown).toMatchObject({
      schemaVersion: 1,
      run: { id: run.id, lapsed: true },
      input: { id: run.input },
      staged: { verdict: "hold" },
    });
    expect(shown.events).toMatchObject([
      { seq: 1, committed: false, replayed: false, event: { type: "user", text: "say it" } },
      { seq: 2, committed: false, replayed: false, event: { type: "notice" } },
    ]);
  });

  it("show and export mark what a run shows again of one that was interrupted", async () => {
    const left = await leaveRun(home, session, { type: "user", text: "begun" });
    await home.runInside(["run", "say 1", ...at]);
    const id = left.id.replace(/1$/, "2");
    const { stdout } = await home.runInside(["runs", "show", id, "--events"]);
    expect(stdout).toContain(
      `↺ ── The run ${left.id} was interrupted; this is what it told: ──\n↺ ❯ begun\n❯ say it\n`,
    );
    const shown = JSON.parse((await home.runInside(["runs", "show", id, "--events", "--json"])).stdout);
    const flags = shown.events.map(({ replayed }: { replayed: boolean }) => replayed);
    expect(flags.slice(0, 4)).toEqual([true, true, false, false]);
    const exported = await home.runInside(["export", "s-1", "--log", `@run/${id}`]);
    const lines = exported.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual(shown.events);
    const raw = await home.runInside(["export", "s-1", "--log", `@run/${id}`, "--raw"]);
    expect(raw.stdout.split("\n")[1]).toBe(`{"type":"user","text":"begun","replayed":true,"run":"${id}"}`);
  });

  it("show tells what a session and its runs made, harmless and in its JSON", async () => {
    await home.runInside(["run", "say 1", ...at]);
    await home.runInside(["run", "say 2", ...at]);
    const url = "https://github.com/acme/shop/pull/42";
    const links = [
      { kind: "pull_request", url, run: "1.1", call: "c-1" },
      { kind: "commit", commit: "1a2b3c4\u001b[2J", run: "2.1", call: "c-2" },
    ] as const;
    await withStoreOf(home, (store) =>
      store.append({ log: { ...session, log: "@links" }, entries: links.map(linkEntry) }),
    );
    const out = async (...args: string[]) => (await home.runInside(args)).stdout;
    expect(await out("show", "s-1")).toMatch(/^links {4}https:.*\/pull\/42 · commit 1a2b3c4\P{Cc}+$/mu);
    expect(await out("runs", "show", "1.1")).toContain(`\nlinks    ${url}\n`);
    expect(await out("runs", "show", "2.1")).not.toContain(url);
    expect(JSON.parse(await out("show", "s-1", "--json")).links).toMatchObject([links[0], { run: "2.1" }]);
    expect(JSON.parse(await out("runs", "show", "1.1", "--json")).links).toEqual([links[0]]);
  });

  it.each([
    ["commit", "committed", "consumed"],
    ["discard", "discarded", "abandoned"],
    ["resume", "interrupted", "queued"],
  ])("resolve --%s ends a held run as %s with its input %s, once", async (as, state, input) => {
    const { id } = await leaveRun(home, session, { type: "user", text: "kept" }, damaged);
    await home.runInside(["reconcile"]);
    const args = ["runs", "resolve", id, `--${as}`, "--reason", "looked at it"];
    expect(await home.runInside(args)).toMatchObject({
      code: 0,
      stdout: `The run ${id} is ${state}; its input is ${input}.\n`,
    });
    expect((await home.runInside(args)).stdout).toBe(`The run ${id} is already ${state}.\n`);
    const { stdout } = await home.runInside(["runs", "show", id, "--events"]);
    expect(stdout).toContain(`Run ${id}: ${state}\n`);
    expect(stdout).toContain("❯ kept");
    expect((await home.runInside(["reconcile"])).code).toBe(0);
  });

  it("resolve --step records how a step ended that show names as of unknown outcome", async () => {
    const run = await leaveRun(home, session, { type: "user", text: "x" });
    const started = { name: "deploy", key: "1", effect: "unsafe", type: "started", run: run.id } as const;
    await withStoreOf(home, (store) =>
      store.append({ log: { ...session, log: stepLog(run.input) }, entries: [stepEntry(started)] }),
    );
    await home.runInside(["reconcile"]);
    const shown = (await home.runInside(["runs", "show", run.id])).stdout;
    expect(shown).toContain("step     deploy:1, unsafe, of unknown outcome\n");
    const args = ["runs", "resolve", run.id, "--resume", "--reason", "looked", "--step"];
    for (const wrong of [["deploy"], ["deploy=perhaps"], ["deploy=done", "--result", "{"], ["none=done"]])
      expect(await home.runInside([...args, ...wrong])).toMatchObject({ code: 2, stdout: "" });
    const { code, stdout } = await home.runInside([...args, "deploy=done", "--result", '{"url":1}']);
    expect([code, stdout]).toEqual([0, `The run ${run.id} is interrupted; its input is queued.\n`]);
    await withStoreOf(home, async (store) => {
      const { entries } = await store.read({ log: { ...session, log: stepLog(run.input) } });
      expect(JSON.parse(entries.at(-1)!.body)).toMatchObject({ type: "result", value: { url: 1 } });
    });
    expect((await home.runInside(["reconcile"])).code).toBe(0);
  });

  it("resolve ends no run that is at work", async () => {
    const run = await leaveRun(home, session, damaged);
    await withStoreOf(home, (store) => store.acquireLease({ session, owner: "other host", leaseMs: 60_000 }));
    const { code, stderr } = await home.runInside(["runs", "resolve", run.id, "--commit", "--reason", "x"]);
    expect(code).toBe(4);
    expect(stderr).toContain("other host");
  });
});

describe("inputs cancel", () => {
  it("cancels a queued input for good, and asks the run of one at work to stop", async () => {
    const admit = (key: string) =>
      withStoreOf(home, (store) =>
        store.admit({ session, key, body: '{"prompt":"x"}', provider: "scripted" }),
      );
    const { input } = await admit("k");
    const args = ["inputs", "cancel", input.id, "--reason", "not needed"];
    for (const _ of [1, 2])
      expect(await home.runInside(args)).toMatchObject({
        code: 0,
        stdout: `The input ${input.id} is cancelled.\n`,
      });
    const { input: next } = await admit("l");
    await withStoreOf(home, (store) => store.claim({ worker: "w", leaseMs: 60_000 }));
    expect((await home.runInside(["inputs", "cancel", next.id])).stdout).toContain("was asked to stop");
    expect((await home.runInside(["inputs", "list"])).stdout).toMatch(/stopping/);
    const left = await withStoreOf(home, (store) => store.audit({ session }));
    expect(left).toMatchObject([
      { verb: "input_cancelled" },
      { verb: "input_cancelled", reason: "not needed" },
    ]);
  });
});

describe("inputs", () => {
  it("list tells what each queued input waits for, and a cancel of one that nobody serves frees the next", async () => {
    const admit = (key: string, provider: string, name: string, priority = 0) =>
      withStoreOf(home, (store) =>
        store.admit({ session: { project: "p", session: name }, key, body: "{}", provider, priority }),
      );
    await leaveRun(home, { project: "p", session: "h" }, damaged);
    await home.runInside(["reconcile"]);
    await admit("k", "scripted", "h");
    await admit("good", "scripted", "s-1");
    await admit("stuck", "nobody", "s-1", 9);
    await admit("leased", "scripted", "l");
    await withStoreOf(home, (store) =>
      store.acquireLease({ session: { project: "p", session: "l" }, owner: "a mirror", leaseMs: 60_000 }),
    );
    const waits = async () => {
      const { inputs } = JSON.parse((await home.runInside(["inputs", "list", "--json"])).stdout);
      return Object.fromEntries(inputs.map(({ key, waitsFor }: Record<string, string>) => [key, waitsFor]));
    };
    expect(await waits()).toMatchObject({
      k: "run 1.1, held",
      good: "input 4",
      stuck: "a worker of nobody",
      leased: "a mirror",
    });
    expect((await home.runInside(["inputs", "list"])).stdout).toMatch(/WAITS FOR .*\n.*a mirror/);
    await home.runInside(["inputs", "cancel", "4"]);
    expect(await waits()).toMatchObject({ good: "a worker of scripted", stuck: null });
    expect((await home.runInside(["inputs", "list", "--state", "cancelled"])).stdout).not.toContain("WAITS");
  });
});

describe("sessions clear", () => {
  it("ends a lease, keeps the history, and says in a dry run what would end without ending it", async () => {
    await home.runInside(["run", "say 1", ...at]);
    const lease = await withStoreOf(home, (store) =>
      store.acquireLease({ session, owner: "hung host", leaseMs: 60_000 }),
    );
    const told = "s-1: the lease of hung host, its resume token.\n";
    expect((await home.runInside(["sessions", "clear", "s-", "--dry-run"])).stdout).toBe(
      `Would clear ${told}`,
    );
    await withStoreOf(home, async (store) => {
      expect(await store.lease(session)).toEqual(lease);
      expect((await store.session(session))?.resumeToken).toEqual(expect.any(String));
    });
    expect((await home.runInside(["sessions", "clear", "s-", "--reason", "hung"])).stdout).toBe(
      `Cleared ${told}`,
    );
    await withStoreOf(home, async (store) => {
      await expect(store.renewLease({ ...lease, session, leaseMs: 1 })).rejects.toMatchObject({
        code: "lease_lost",
      });
      expect(await store.session(session)).toMatchObject({ resumeToken: null, revision: 1 });
      expect(await store.audit({ session })).toMatchObject([{ verb: "lease_cleared", reason: "hung" }]);
    });
    expect((await home.runInside(["show", "s-1"])).code).toBe(0);
  });

  it("reaches a session of which there is nothing yet but a lease, by its whole name", async () => {
    await withStoreOf(home, (store) => store.acquireLease({ session, owner: "h", leaseMs: 60_000 }));
    const { code, stdout } = await home.runInside(["sessions", "clear", "s-1", "--project", "p", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schemaVersion: 1,
      cleared: { owner: "h" },
      epoch: 2,
      run: null,
    });
  });
});

describe("sessions drop", () => {
  it("says in a dry run what goes, and takes runs, inputs and usage along", async () => {
    await home.runInside(["run", "usage 1 2; say 1", ...at]);
    const what = "s-1: 1 log, 2 entries, 1 run, 1 input, 1 counted response.\n";
    expect((await home.runInside(["sessions", "drop", "s-1", "--dry-run"])).stdout).toBe(
      `Would remove ${what}`,
    );
    expect((await home.runInside(["show", "s-1"])).code).toBe(0);
    expect((await home.runInside(["sessions", "drop", "s-1"])).stdout).toBe(`Removed ${what}`);
    expect(JSON.parse((await home.runInside(["runs", "list", "--json"])).stdout).runs).toEqual([]);
    expect(JSON.parse((await home.runInside(["inputs", "list", "--json"])).stdout).inputs).toEqual([]);
    expect(JSON.parse((await home.runInside(["usage", "--json"])).stdout).groups).toEqual([]);
    expect((await home.runInside(["show", "s-1"])).stderr).toContain("was removed on");
  });

  it("ends a session that never came to a commit", async () => {
    await leaveRun(home, session, damaged);
    expect((await home.runInside(["sessions", "drop", "s-"])).stdout).toMatch(
      /^Removed s-1: .*1 run, 1 input\.$/m,
    );
    expect((await home.runInside(["reconcile"])).code).toBe(0);
  });
});

describe("doctor", () => {
  it("names runs that are held and runs that were left, and what ends each", async () => {
    expect((await home.runInside(["run", "say 1", ...at])).code).toBe(0);
    expect((await home.runInside(["doctor"])).stdout).toContain("ok      runs: 0 runs at work, none waits.");
    const held = await leaveRun(home, session, damaged);
    await home.runInside(["reconcile"]);
    await leaveRun(home, { project: "p", session: "s-2" });
    const { code, stdout } = await home.runInside(["doctor"]);
    expect(code).toBe(3);
    expect(stdout).toContain(
      `problem runs: 1 run held: run holdfast runs show ${held.id}, then holdfast runs resolve`,
    );
    expect(stdout).toContain("problem runs: 1 run left by its worker: run holdfast reconcile.");
    await home.runInside(["runs", "resolve", held.id, "--resume", "--reason", "x"]);
    await home.runInside(["reconcile"]);
    expect((await home.runInside(["doctor"])).code).toBe(0);
  });

  it("names a projection that is stopped or paused", async () => {
    await home.runInside(["run", "say 1", ...at]);
    await home.runInside(["projections", "pause", "usage"]);
    expect((await home.runInside(["doctor"])).stdout).toMatch(
      /^advice {2}projections: .* usage is .* paused/m,
    );
    await home.runInside(["projections", "resume", "usage"]);
    await withStoreOf(home, (store) => store.setProjection({ projection: "usage", error: "It broke." }));
    const { code, stdout } = await home.runInside(["doctor"]);
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^problem projections: .*It broke\. Build it anew with holdfast projections rebuild usage/m,
    );
  });
});
