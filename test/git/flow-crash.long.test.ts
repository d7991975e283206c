import { execFile } from "node:child_process";
import { cpSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import type { Layout } from "../../src/git/checkpoint-store.ts";
import { PushQueue } from "../../src/git/push/queue.ts";
import { FlowRepository, flowLayouts } from "./flow-repository.ts";

const run = promisify(execFile);
const program = join(import.meta.dirname, "flow-kill-worker.ts");

/** Runs the worker, killed before a step where one is given; compiled code is kept, since most of its time is to compile. */
function runWorker({ path }: FlowRepository, ...at: readonly string[]): Promise<{ readonly stdout: string }> {
  const env = { ...process.env, NODE_COMPILE_CACHE: `${path}-compiled` };
  return run(process.execPath, ["--no-warnings", program, path, ...at], { env });
}

/** What must be the same however often the worker was killed. */
async function outcome(flow: FlowRepository) {
  const refs = await flow.git(
    "for-each-ref",
    "--format=%(refname) %(tree)",
    "refs/entire",
    "refs/heads/entire",
  );
  const drain = await new PushQueue(flow.linked.commonDir).drain();
  const state = flow.linked.sessions.read("s-1")!;
  return {
    trees: refs.split("\n"),
    queued: drain.refs.toSorted(),
    state: { ...state, progress: { ...state.progress, atMs: 0 }, lastInteractionAtMs: 0 },
    spool: flow.linked.events().length,
    log: flow.log,
  };
}

/** Lets the locks of refs that a killed process left look as if that was an hour ago. */
function outdateLocks(commonDir: string): void {
  const hourAgo = Date.now() / 1000 - 3600;
  for (const name of readdirSync(join(commonDir, "refs"), { recursive: true, encoding: "utf8" }))
    if (name.endsWith(".lock")) utimesSync(join(commonDir, "refs", name), hourAgo, hourAgo);
}

/**
 * A turn with two commits whose checkpoints are there before it ends, so that its end completes them, a person's commit
 * of what was left, and an amend.
 */
async function play(layout: Layout): Promise<FlowRepository> {
  const flow = await FlowRepository.make(layout);
  const agent = flow.agent("s-1");
  await agent.prompt("Write a, b and c");
  for (const name of ["a", "b"]) {
    agent.edit(`${name}.txt`, `The first line of ${name}\n`);
    await flow.git("add", `${name}.txt`);
    await flow.linked.git(["commit", "-qm", `Add ${name}`], { CLAUDECODE: "1" });
    expect(await flow.work()).toMatchObject({ failed: 0, aside: 0 });
  }
  expect(flow.linked.sessions.read("s-1")!.turnCheckpoints).toHaveLength(2);
  agent.edit("c.txt", "The first line of c\n");
  await agent.task("Look around");
  await agent.stop();
  await flow.commit("Add c");
  await flow.git("commit", "-q", "--amend", "-m", "Add c, said better");
  // What is completed is to be pushed again.
  rmSync(join(flow.linked.commonDir, "holdfast/push-queue"), { recursive: true, force: true });
  return flow;
}

/** How often the end of a turn completed a checkpoint. */
async function completed(flow: FlowRepository): Promise<number> {
  const subjects = await flow.git("log", "--format=%s", "--glob=refs/entire", "--glob=refs/heads/entire");
  return subjects.split("\n").filter((subject) => /^Finali[sz]e /.test(subject)).length;
}

describe.concurrent.each(flowLayouts)("a worker of the layout %s", (layout) => {
  it(
    "that is killed at any step leaves the same checkpoints to the next one",
    { timeout: 900_000 },
    async () => {
      using flow = await play(layout);
      const pristine = `${flow.path}-pristine`;
      cpSync(flow.path, pristine, { recursive: true, preserveTimestamps: true });
      const { stdout } = await runWorker(flow);
      const { steps, ...worked } = JSON.parse(stdout) as { readonly steps: number };
      expect(worked).toEqual({ held: true, done: 4, failed: 0, aside: 0 });
      const expected = await outcome(flow);
      expect([expected.spool, expected.log]).toEqual([0, ""]);
      expect(await completed(flow)).toBeGreaterThanOrEqual(2);
      for (let at = 1; at <= steps; at += 1) {
        rmSync(flow.path, { recursive: true, force: true });
        cpSync(pristine, flow.path, { recursive: true, preserveTimestamps: true });
        const killed = runWorker(flow, String(at));
        await expect(killed).rejects.toMatchObject({ signal: "SIGKILL" });
        outdateLocks(flow.linked.commonDir);
        const after = await flow.work();
        expect(after, `killed at step ${at} of ${steps}`).toMatchObject({ held: true, failed: 0, aside: 0 });
        expect(await outcome(flow), `killed at step ${at} of ${steps}`).toEqual(expected);
        await flow.linked.fsckClean();
      }
      rmSync(pristine, { recursive: true, force: true });
    },
  );
});
