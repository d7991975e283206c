import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, globSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { refOfCheckpoint } from "../../src/git/format/ids.ts";
import { branchRef } from "../../src/git/format/checkpoint-refs.ts";
import { fileIn, handBranch, handCheckpoint } from "./hand-written.ts";
import { type Machine, hook, sharing } from "./machines.ts";
import { fsckClean, gitTestEnv, runTestGit } from "./repositories.ts";

const ids = ["000000000001", "000000000002", "000000000003"];
const script = join(import.meta.dirname, "push-worker.ts");

/** Where the process that pushes dies: a program that git starts on its way, on the remote's side or before. */
const points = {
  "before the remote has taken anything": { hook: "pre-receive" },
  "after the remote has taken the first ref": { hook: "update" },
  "after the remote has taken all, and before it has said so": { hook: "post-receive" },
  "while it fetches what another machine has written": { program: "upload-pack" },
} as const;

for (const [point, { hook: at, program }] of Object.entries(points) as [
  string,
  { hook?: string; program?: string },
][])
  test(`killed ${point}, a push loses nothing, and the next one ends it`, async () => {
    const { remote, machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await work(one, "one");
    await one.push();
    await work(two, "two");
    const once = `test -e "${remote}/killed" || { : > "${remote}/killed"; kill -9 "$(cat "${remote}/pusher")"; }`;
    if (at !== undefined) hook(remote, at, once);
    if (program !== undefined) {
      writeFileSync(join(remote, program), `#!/bin/sh\n${once}\nexec git-${program} "$@"\n`);
      chmodSync(join(remote, program), 0o755);
      await two.git("config", "remote.origin.uploadpack", join(remote, program));
    }

    expect(await pushInProcess(two, remote)).toBe("SIGKILL");
    expect(existsSync(join(remote, "killed"))).toBe(true);
    expect((await two.queue.drain()).refs).not.toEqual([]);
    await settled(remote, two);

    expect(await two.push()).toMatchObject({ outcome: "done", left: 0 });
    await expectBoth(remote, [one, two]);
  });

test("killed at any moment, a push loses nothing, and the next one ends it", async () => {
  for (let round = 0; round < 20; round += 1) {
    const { remote, machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await work(one, "one");
    await one.push();
    await work(two, "two");
    await pushInProcess(two, remote, round * 60);
    await settled(remote, two);
    expect(await two.push()).toMatchObject({ outcome: "done", left: 0 });
    await expectBoth(remote, [one, two]);
  }
}, 300_000);

// The same checkpoints with another session on each machine, in both layouts that are pushed.
async function work({ repository, queue }: Machine, sessionId: string): Promise<void> {
  for (const id of ids) await handCheckpoint(repository, { id, sessions: [{ sessionId }] });
  await handBranch(
    repository,
    ids.map((id) => ({ id, sessions: [{ sessionId }] })),
  );
  await queue.add([...ids.map(refOfCheckpoint), branchRef]);
}

async function pushInProcess(
  { path }: Machine,
  remote: string,
  killAfterMs?: number,
): Promise<string | number | null> {
  const child = spawn(process.execPath, ["--no-warnings", script, path], {
    env: gitTestEnv,
    stdio: "inherit",
  });
  writeFileSync(join(remote, "pusher"), String(child.pid));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearTimeout(timer);
  return signal ?? code;
}

// The git that the dead process had started may go on, on the remote's side: what it holds locked is free when it has
// ended. The lock of a ref that the process itself held is left to whoever is told of it, as git's own is.
async function settled(remote: string, { path, push }: Machine): Promise<void> {
  await expect.poll(() => locksIn(remote), { timeout: 10_000, interval: 50 }).toEqual([]);
  const left = locksIn(join(path, ".git"));
  if (left.length === 0) return;
  expect(await push()).toMatchObject({ outcome: "incomplete" });
  for (const lock of left) rmSync(join(path, ".git", lock));
}

function locksIn(cwd: string): readonly string[] {
  return globSync("refs/**/*.lock", { cwd });
}

async function expectBoth(remote: string, machines: readonly Machine[]): Promise<void> {
  const { repository } = machines[1]!;
  for (const id of ids) {
    const tip = (await repository.refs.read(refOfCheckpoint(id)))!;
    expect(await runTestGit(remote, ["rev-parse", refOfCheckpoint(id)])).toBe(tip);
    expect(await fileIn(repository, tip, "0/full.jsonl")).toContain("one");
    expect(await fileIn(repository, tip, "1/full.jsonl")).toContain("two");
  }
  const branch = (await repository.refs.read(branchRef))!;
  expect(await runTestGit(remote, ["rev-parse", branchRef])).toBe(branch);
  for (const id of ids)
    expect(await fileIn(repository, branch, `${id.slice(0, 2)}/${id.slice(2)}/1/full.jsonl`)).toContain(
      "two",
    );
  for (const path of [remote, ...machines.map((each) => each.path)]) await fsckClean(path);
}
