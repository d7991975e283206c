import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkpointInput, sessionInput, textOfBlobs } from "../../../test/git/checkpoint-data.ts";
import { type Machine, checkpointRefsOf, sharing } from "../../../test/git/machines.ts";
import { fsckClean, gitTestEnv, runTestGit } from "../../../test/git/repositories.ts";
import { v2ArchivePrefix, v2CurrentRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { V2Layout } from "../layouts/v2/layout.ts";
import { fetchAll } from "./fetch.ts";

const ids = [
  "a00000000001",
  "a00000000002",
  "b00000000003",
  "b00000000004",
  "c00000000005",
  "c00000000006",
] as const;
const archive = `${v2ArchivePrefix}0000000000001`;

async function write(
  { repository, queue }: Machine,
  id: string,
  sessionId = `s-${id}`,
  rotateAt = 3,
): Promise<void> {
  const store = new V2Layout(repository, { rotateAt });
  const { refs } = await store.write(checkpointInput(id, [await sessionInput(repository, sessionId)]));
  await queue.add(refs);
}

async function foldersOf(path: string, ref: string): Promise<readonly string[]> {
  const listed = await runTestGit(path, ["ls-tree", "-d", "-r", "--name-only", ref]);
  return listed
    .split("\n")
    .filter((name) => /^..\/.{10}$/.test(name))
    .map((name) => name.replace("/", ""));
}

async function fetch({ repository }: Machine) {
  return await fetchAll({ repository, remote: "origin", timeoutMs: 20_000 });
}

async function transcriptsOf({ repository }: Machine, id: string): Promise<readonly string[]> {
  const stored = await new V2Layout(repository).read(id);
  return await Promise.all(
    (stored?.sessions ?? []).map(({ transcript }) => textOfBlobs(repository, transcript)),
  );
}

test("a rotation that the remote does not know of is pushed archives first, and its current replaced", async () => {
  const { remote, machine } = await sharing();
  const one = await machine();
  await write(one, ids[0]);
  await one.push();
  for (const id of ids.slice(1, 4)) await write(one, id);

  expect(await one.push()).toMatchObject({ outcome: "done", left: 0 });

  expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(one.path));
  expect(await foldersOf(remote, archive)).toEqual(ids.slice(0, 3));
  expect(await foldersOf(remote, v2CurrentRef)).toEqual([ids[3]]);
  expect(existsSync(join(one.repository.commonDir, "entire-v2-rotations", "pending.json"))).toBe(false);
  expect((await one.queue.drain()).refs).toEqual([]);
  await fsckClean(remote);
});

test("two machines of one generation are joined, also in one checkpoint, whose slots main decides", async () => {
  const { remote, machine } = await sharing();
  const [one, two] = [await machine(), await machine()];
  await write(one, ids[0], "one");
  await one.push();
  await write(two, ids[0], "two");
  await write(two, ids[1]);

  expect(await two.push()).toMatchObject({ outcome: "done", left: 0 });

  expect(await transcriptsOf(two, ids[0])).toEqual(['{"session":"one"}\n', '{"session":"two"}\n']);
  expect((await fetch(one)).failed).toEqual([]);
  expect(await transcriptsOf(one, ids[0])).toEqual(['{"session":"one"}\n', '{"session":"two"}\n']);
  expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(one.path));
  for (const path of [remote, one.path, two.path]) await fsckClean(path);
});

test("two push URLs that are not alike are brought together, also when we have rotated", async () => {
  const { remote, machine } = await sharing();
  const [one, two, three] = [await machine(), await machine(), await machine()];
  const mirror = `${remote}-mirror`;
  await write(one, ids[0]);
  await one.push();
  await runTestGit(remote, ["clone", "-q", "--mirror", "--", remote, mirror]);
  for (const [other, path, id] of [
    [two, remote, ids[4]],
    [three, mirror, ids[5]],
  ] as const) {
    await fetch(other);
    await other.git("remote", "set-url", "--push", "origin", path);
    await write(other, id, `s-${id}`, 10);
    expect(await other.push()).toMatchObject({ outcome: "done" });
  }
  await one.git("remote", "set-url", "--push", "origin", remote);
  await one.git("remote", "set-url", "--add", "--push", "origin", mirror);
  for (const id of ids.slice(1, 4)) await write(one, id);

  expect(await one.push()).toMatchObject({ outcome: "done", left: 0, failures: [] });

  for (const path of [remote, mirror]) {
    expect(await checkpointRefsOf(path)).toEqual(await checkpointRefsOf(one.path));
    await fsckClean(path);
  }
  expect(await foldersOf(remote, archive)).toEqual([...ids.slice(0, 3), ...ids.slice(4)]);
  expect(await foldersOf(remote, v2CurrentRef)).toEqual([ids[3]]);
  for (const id of ids) expect((await transcriptsOf(one, id)).join()).toContain(`s-${id}`);
});

// Main is joined first, then our transcript moves to its new slot, then current is joined.
test.each([
  ["before main is joined", "before", 1],
  ["after main is joined", "after", 1],
  ["after our transcript has moved", "after", 2],
  ["after current is joined", "after", 3],
])("killed %s, a push leaves each transcript to its own session", async (_point, when, n) => {
  const { remote, machine } = await sharing();
  const [one, two] = [await machine(), await machine()];
  await write(one, ids[0], "one");
  await one.push();
  await write(two, ids[0], "two");
  const script = fileURLToPath(new URL("../../../test/git/push-worker.ts", import.meta.url));
  const child = fork(script, [two.path, when, String(n)], { env: gitTestEnv, execArgv: ["--no-warnings"] });
  expect((await once(child, "exit"))[1]).toBe("SIGKILL");

  expect(await two.push()).toMatchObject({ outcome: "done", left: 0 });

  expect(await transcriptsOf(two, ids[0])).toEqual(['{"session":"one"}\n', '{"session":"two"}\n']);
  expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(two.path));
  for (const path of [remote, two.path]) await fsckClean(path);
});

test("what another machine wrote to the generation that we rotated goes into our archive", async () => {
  const { remote, machine } = await sharing();
  const [one, two] = [await machine(), await machine()];
  await write(one, ids[0]);
  await one.push();
  await fetch(two);
  await write(two, ids[5]);
  await two.push();
  for (const id of ids.slice(1, 4)) await write(one, id);

  expect(await one.push()).toMatchObject({ outcome: "done", left: 0 });

  expect(await foldersOf(remote, archive)).toEqual([...ids.slice(0, 3), ids[5]]);
  expect(await foldersOf(remote, v2CurrentRef)).toEqual([ids[3]]);
  expect(await transcriptsOf(one, ids[5])).toHaveLength(1);
  for (const path of [remote, one.path]) await fsckClean(path);
});

test("when the other machine rotated, ours goes into its archive and never back into current", async () => {
  const { remote, machine } = await sharing();
  const [one, two] = [await machine(), await machine()];
  await write(one, ids[0]);
  await one.push();
  await fetch(two);
  for (const id of ids.slice(1, 4)) await write(one, id);
  await one.push();
  await write(two, ids[5]);

  expect(await two.push()).toMatchObject({ outcome: "done", left: 0 });

  expect(await foldersOf(remote, archive)).toEqual([...ids.slice(0, 3), ids[5]]);
  expect(await foldersOf(remote, v2CurrentRef)).toEqual([ids[3]]);
  expect(await checkpointRefsOf(two.path)).toEqual(await checkpointRefsOf(remote));
  for (const id of [...ids.slice(0, 4), ids[5]])
    expect(await transcriptsOf(two, id)).toEqual([`{"session":"s-${id}"}\n`]);
  expect(JSON.parse(await runTestGit(remote, ["show", `${archive}:generation.json`]))).toHaveProperty(
    "newest_checkpoint_at",
  );
  expect((await fetch(one)).failed).toEqual([]);
  expect(await checkpointRefsOf(one.path)).toEqual(await checkpointRefsOf(remote));
  for (const path of [remote, one.path, two.path]) await fsckClean(path);
});

test("two archives of one number are told of, and neither is changed", async () => {
  const { remote, machine } = await sharing();
  const [one, two] = [await machine(), await machine()];
  for (const id of ids.slice(0, 3)) await write(one, id);
  for (const id of ids.slice(3, 6)) await write(two, id);
  await one.push();
  const before = [await runTestGit(remote, ["rev-parse", archive]), await two.git("rev-parse", archive)];

  const report = await two.push();

  expect(report).toMatchObject({ outcome: "incomplete", reason: "refused" });
  expect(report.failures[0]).toMatchObject({
    ref: archive,
    reason: expect.stringContaining("two machines") as string,
  });
  expect([await runTestGit(remote, ["rev-parse", archive]), await two.git("rev-parse", archive)]).toEqual(
    before,
  );
  expect(await foldersOf(remote, v2MainRef)).toEqual([...ids]);
});
