import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { refOfCheckpoint } from "../../src/git/format/ids.ts";
import { branchRef } from "../../src/git/format/checkpoint-refs.ts";
import { fileIn, handBranch, handCheckpoint } from "./hand-written.ts";
import { before, killAt, pushInProcess, settled } from "./killed-push.ts";
import { type Machine, hook, sharing } from "./machines.ts";
import { fsckClean, runTestGit } from "./repositories.ts";

const ids = ["000000000001", "000000000002", "000000000003"];

/** Where the process that pushes dies: in a program on the remote's side; the first upload-pack only lists branches. */
const points = {
  "before the remote has taken anything": { hook: "pre-receive" },
  "after the remote has taken the first ref": { hook: "update" },
  "after the remote has taken all, and before it has said so": { hook: "post-receive" },
  "while it fetches what another machine has written": { program: "upload-pack", nth: 2 },
} as const;

for (const [point, { hook: at, program, nth }] of Object.entries(points) as [
  string,
  { hook?: string; program?: "upload-pack"; nth?: number },
][])
  test(`killed ${point}, a push loses nothing, and the next one ends it`, async () => {
    const { remote, machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await work(one, "one");
    await one.push();
    await work(two, "two");
    const line = killAt(remote, nth);
    if (at !== undefined) hook(remote, at, line);
    if (program !== undefined) await before(two, remote, { program, line });

    expect(await pushInProcess(two, remote)).toBe("SIGKILL");
    expect((await two.queue.drain()).refs).not.toEqual([]);
    await settled(remote, two);

    expect(await two.push()).toMatchObject({ outcome: "done", left: 0 });
    await expectBoth(remote, [one, two]);
  });

test("killed at any moment, a push loses nothing, and the next one ends it", async () => {
  const rounds = 20;
  let [wholeMs, killedOnTheWay] = [0, 0];
  for (let round = 0; round <= rounds; round += 1) {
    const { remote, machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await work(one, "one");
    await one.push();
    await work(two, "two");
    const contact = join(remote, "contact");
    for (const program of ["upload-pack", "receive-pack"] as const)
      await before(two, remote, { program, line: `: > "${contact}"` });
    const start = performance.now();
    // The first one is let alone, and tells how long there is time to kill the others.
    const end = await pushInProcess(two, remote, round === 0 ? undefined : (wholeMs * round) / rounds);
    if (round === 0) wholeMs = performance.now() - start;
    expect(round === 0 ? [0] : ["SIGKILL", 0]).toContain(end);
    if (end === "SIGKILL" && existsSync(contact)) killedOnTheWay += 1;
    await settled(remote, two);
    expect(await two.push()).toMatchObject({ outcome: "done", left: 0 });
    await expectBoth(remote, [one, two]);
  }
  expect(killedOnTheWay).toBeGreaterThan(0);
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
