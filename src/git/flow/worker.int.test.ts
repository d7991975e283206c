import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { unwritable } from "../plumbing/durable-file.ts";
import { flowPaths } from "./flow-paths.ts";
import { lastFailures } from "./hook-log.ts";
import { Attempts } from "./attempts.ts";
import { fieldOf, type FlowEvent, Spool } from "./spool.ts";
import { mostAttempts, work, type WorkParams } from "./worker.ts";

let commonDir: string;
let spool: Spool;
let seen: string[];
beforeEach(() => {
  commonDir = mkdtempSync(join(tmpdir(), "holdfast-worker-"));
  spool = new Spool({ commonDir });
  seen = [];
});
afterEach(() => rmSync(commonDir, { recursive: true, force: true }));

const commit = (id: string): FlowEvent => ({ kind: "post-commit", fields: [["commit", id]], body: "" });
const events = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".event")) : [];

const bug = new Error("It is not what we thought, password=hunter22.");
const fullDisk = unwritable(".git/refs", Object.assign(new Error("full"), { code: "ENOSPC" }));

/** Handles commits, of which one fails for as many times. */
function failing(id: string, times: number, error: Error = bug): WorkParams["handlers"] {
  let left = times;
  return {
    "post-commit": async (event) => {
      const commitId = fieldOf(event, "commit")!;
      if (commitId === id && left-- > 0) throw error;
      seen.push(commitId);
    },
  };
}

describe("the worker", () => {
  it("does events in order, and one that fails stops no other", async () => {
    for (const id of ["a", "b", "c"]) spool.add(commit(id));
    spool.add({ kind: "pre-push", fields: [], body: "" });
    const params = { commonDir, handlers: failing("b", 1), isOnce: true };
    expect(await work(params)).toEqual({ held: true, done: 2, failed: 1, aside: 0 });
    expect(seen).toEqual(["a", "c"]);
    expect(lastFailures(commonDir, 5, "workerLog")).toEqual([
      expect.stringMatching(/post-commit .*not what we thought, password=REDACTED/),
    ]);
    expect(statSync(flowPaths(commonDir).workerLog).mode & 0o777).toBe(0o600);
    expect(await work(params)).toEqual({ held: true, done: 1, failed: 0, aside: 0 });
    expect(seen).toEqual(["a", "c", "b"]);
    // Nobody handles a push here.
    expect(spool.names()).toHaveLength(1);
    expect(events(flowPaths(commonDir).attempts)).toEqual([]);
  });

  it("tries again by itself what failed, after a pause in which the others are done", async () => {
    for (const id of ["a", "b"]) spool.add(commit(id));
    const worked = await work({ commonDir, handlers: failing("a", 2), pausesMs: [1, 1] });
    expect(worked).toEqual({ held: true, done: 2, failed: 0, aside: 0 });
    expect(seen).toEqual(["b", "a"]);
  });

  it("sets aside what never works, with the reason, and does not come back to it until it is told to", async () => {
    for (const id of ["a", "b"]) spool.add(commit(id));
    const params = { commonDir, handlers: failing("a", mostAttempts), pausesMs: [1, 1, 1, 1] };
    expect(await work(params)).toEqual({ held: true, done: 1, failed: 0, aside: 1 });
    expect(spool.aside()).toEqual([
      { name: expect.any(String), reason: expect.stringContaining("not what we thought") },
    ]);
    expect(await work(params)).toEqual({ held: true, done: 0, failed: 0, aside: 0 });
    expect(seen).toEqual(["b"]);
    expect(await work({ ...params, isRetry: true })).toEqual({ held: true, done: 1, failed: 0, aside: 0 });
    expect([seen, spool.aside()]).toEqual([["b", "a"], []]);
    expect(readdirSync(flowPaths(commonDir).aside)).toEqual([]);
  });

  it("counts what nobody can read among those set aside, each time that it is told to try it", async () => {
    writeFileSync(join(flowPaths(commonDir).spool, spool.add(commit("a"))), "rubbish");
    const params = { commonDir, handlers: failing("", 0) };
    for (const isRetry of [false, true])
      expect(await work({ ...params, isRetry })).toEqual({ held: true, done: 0, failed: 0, aside: 1 });
    expect(spool.aside()).toHaveLength(1);
  });

  it("never gives up what a full disk stopped, however often, and does it as soon as there is room", async () => {
    spool.add(commit("a"));
    const params = { commonDir, handlers: failing("a", 2 * mostAttempts, fullDisk), isOnce: true };
    for (let at = 0; at < 2 * mostAttempts; at += 1)
      expect(await work(params)).toEqual({ held: true, done: 0, failed: 1, aside: 0 });
    expect(new Attempts({ commonDir }).waiting(spool.names())).toEqual([
      { name: spool.names()[0], reason: expect.stringContaining("The disk is full") },
    ]);
    expect(await work(params)).toEqual({ held: true, done: 1, failed: 0, aside: 0 });
    expect(events(flowPaths(commonDir).attempts)).toEqual([]);
  });

  it("that cannot note what it begins leaves it, and loses nothing", async () => {
    for (const id of ["a", "b"]) spool.add(commit(id));
    // A folder cannot be made where a file is.
    writeFileSync(flowPaths(commonDir).attempts, "");
    const params = { commonDir, handlers: failing("a", 1), isOnce: true };
    expect(await work(params)).toEqual({ held: true, done: 0, failed: 2, aside: 0 });
    rmSync(flowPaths(commonDir).attempts);
    expect(await work({ ...params, handlers: failing("", 0) })).toMatchObject({ done: 2 });
  });

  it("lets what failed rest longer each time, so that workers that come often do not try it each time", async () => {
    spool.add(commit("a"));
    const params = { commonDir, handlers: failing("a", 3, fullDisk), pausesMs: [] };
    expect(await work(params)).toEqual({ held: true, done: 0, failed: 1, aside: 0 });
    expect(await work(params)).toEqual({ held: true, done: 0, failed: 0, aside: 0 });
    const attempts = new Attempts({ commonDir });
    const rest = (): number => attempts.read(spool.names()[0]!).againAtMs - Date.now();
    const first = rest();
    expect(await work({ ...params, isRetry: true })).toMatchObject({ failed: 1 });
    expect(await work({ ...params, isOnce: true })).toMatchObject({ failed: 1 });
    expect(first).toBeGreaterThan(0);
    expect(rest()).toBeGreaterThan(first);
    expect(await work({ ...params, isRetry: true })).toMatchObject({ done: 1 });
  });

  it("sets aside what kills it each time", async () => {
    const name = spool.add(commit("a"));
    for (let at = 0; at < mostAttempts; at += 1) new Attempts({ commonDir }).begin(name);
    expect(await work({ commonDir, handlers: failing("", 0) })).toMatchObject({ done: 0, aside: 1 });
    expect(spool.aside()).toEqual([{ name, reason: "The worker died over it." }]);
    expect(seen).toEqual([]);
  });

  it("forgets a push that never works: what waits is in a queue of its own", async () => {
    spool.add({ kind: "pre-push", fields: [], body: "" });
    const handlers = { "pre-push": () => Promise.reject(new Error("No network.")) };
    await work({ commonDir, handlers, pausesMs: [1, 1, 1, 1] });
    expect([spool.names(), spool.aside()]).toEqual([[], []]);
  });

  it("leaves the work to the one that is there, which sees also what comes while it works", async () => {
    const others: unknown[] = [];
    const handlers = {
      "post-commit": async (event: FlowEvent) => {
        seen.push(fieldOf(event, "commit")!);
        if (seen.length > 1) return;
        spool.add(commit("late"));
        others.push(await work({ commonDir, handlers }));
      },
    };
    spool.add(commit("first"));
    expect(await work({ commonDir, handlers })).toEqual({ held: true, done: 2, failed: 0, aside: 0 });
    expect(others).toEqual([{ held: false, done: 0, failed: 0, aside: 0 }]);
    expect(seen).toEqual(["first", "late"]);
    expect(events(flowPaths(commonDir).spool)).toEqual([]);
  });

  it("does not miss what comes in the moment in which it ends", async () => {
    spool.add(commit("first"));
    let isLate = false;
    const worked = await work({
      commonDir,
      handlers: failing("", 0),
      whenDrained: async () => {
        if (isLate) return;
        isLate = true;
        spool.add(commit("late"));
      },
    });
    expect([worked.done, seen]).toEqual([2, ["first", "late"]]);
  });

  it("that is killed in the middle of an event leaves it, and the repository, to the next one", async () => {
    spool.add(commit("first"));
    const program = join(import.meta.dirname, "../../../test/git/dying-worker.ts");
    const dying = spawn(process.execPath, ["--no-warnings", program, commonDir]);
    try {
      await once(dying.stdout, "data");
      const handlers = {
        "post-commit": async (event: FlowEvent) => void seen.push(fieldOf(event, "commit")!),
      };
      expect(await work({ commonDir, handlers })).toEqual({ held: false, done: 0, failed: 0, aside: 0 });
      dying.kill("SIGKILL");
      await once(dying, "close");
      expect(await work({ commonDir, handlers })).toEqual({ held: true, done: 1, failed: 0, aside: 0 });
      expect(seen).toEqual(["first"]);
    } finally {
      dying.kill("SIGKILL");
    }
  });
});
