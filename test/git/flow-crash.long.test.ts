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

/** What must be the same however often the worker was killed. */
async function outcome(flow: FlowRepository) {
  const refs = (await flow.git("for-each-ref", "--format=%(refname)", "refs/entire", "refs/heads/entire"))
    .split("\n")
    .filter((name) => name !== "");
  const trees = [];
  for (const ref of refs) trees.push(`${ref} ${await flow.git("rev-parse", `${ref}^{tree}`)}`);
  const drain = await new PushQueue(flow.linked.commonDir).drain();
  const state = flow.linked.sessions.read("s-1")!;
  return {
    trees,
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

/** A turn with two commits and an end, a person's commit of what was left, and an amend. */
async function play(layout: Layout): Promise<FlowRepository> {
  const flow = await FlowRepository.make(layout);
  const agent = flow.agent("s-1");
  await agent.prompt("Write a, b and c");
  agent.edit("a.txt", "The first line of a\n");
  await flow.git("add", "a.txt");
  await flow.linked.git(["commit", "-qm", "Add a"], { CLAUDECODE: "1" });
  agent.edit("b.txt", "The first line of b\n");
  await flow.git("add", "b.txt");
  await flow.linked.git(["commit", "-qm", "Add b"], { CLAUDECODE: "1" });
  agent.edit("c.txt", "The first line of c\n");
  await agent.task("Look around");
  await agent.stop();
  await flow.commit("Add c");
  await flow.git("commit", "-q", "--amend", "-m", "Add c, said better");
  return flow;
}

describe.each(flowLayouts)("a worker of the layout %s", (layout) => {
  it(
    "that is killed at any step leaves the same checkpoints to the next one",
    { timeout: 900_000 },
    async () => {
      using flow = await play(layout);
      const pristine = `${flow.path}-pristine`;
      cpSync(flow.path, pristine, { recursive: true, preserveTimestamps: true });
      const { stdout } = await run(process.execPath, ["--no-warnings", program, flow.path]);
      const { steps, ...worked } = JSON.parse(stdout) as { readonly steps: number };
      expect(worked).toEqual({ held: true, done: 6, failed: 0, aside: 0 });
      const expected = await outcome(flow);
      expect([expected.spool, expected.log]).toEqual([0, ""]);
      expect(steps).toBeGreaterThan(40);
      // Every third step, and others each time.
      const stride = 3;
      for (let at = 1 + (Date.now() % stride); at <= steps; at += stride) {
        rmSync(flow.path, { recursive: true, force: true });
        cpSync(pristine, flow.path, { recursive: true, preserveTimestamps: true });
        const killed = run(process.execPath, ["--no-warnings", program, flow.path, String(at)]);
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
