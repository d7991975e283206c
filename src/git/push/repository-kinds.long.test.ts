import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fileIn, handBranch, handCheckpoint } from "../../../test/git/hand-written.ts";
import { checkpointRefsOf, sharing } from "../../../test/git/machines.ts";
import {
  fsckClean,
  gitTestEnv,
  makeRepository,
  repositoryKinds,
  runTestGit,
} from "../../../test/git/repositories.ts";
import { branchRef } from "../format/checkpoint-refs.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import { fetchCheckpoints } from "./fetch.ts";
import { pushWaiting } from "./push.ts";
import { PushQueue } from "./queue.ts";

const id = "a3b2c4d5e6f7";
const other = "0123456789ab";

test.each(repositoryKinds)("checkpoints go to a remote, are joined there and come back: %s", async (kind) => {
  using made = await makeRepository(kind);
  await using repository = await openRepository({ cwd: made.path, env: gitTestEnv });
  const remote = join(made.folder, "shared.git");
  await runTestGit(made.folder, [
    "init",
    "-q",
    "--bare",
    `--object-format=${repository.objectFormat}`,
    "--",
    remote,
  ]);
  await made.git("remote", "add", "shared", remote);
  await using there = await openRepository({ cwd: remote, env: gitTestEnv });
  await handCheckpoint(there, { id, sessions: [{ sessionId: "theirs" }] });
  await handCheckpoint(there, { id: other, sessions: [{ sessionId: "theirs" }] });
  const before = await made.git("for-each-ref");
  const queue = new PushQueue(repository.commonDir);
  const name = await handCheckpoint(repository, { id, sessions: [{ sessionId: "ours" }] });
  await queue.add([name]);

  const params = { repository, remote: "shared", timeoutMs: 30_000 };
  expect(await pushWaiting(params)).toMatchObject({ outcome: "done", pushed: 1, joined: 1 });
  expect(await fetchCheckpoints({ ...params, ids: [other] })).toMatchObject({ fetched: [other] });

  const tip = (await repository.refs.read(name))!;
  expect(await fileIn(repository, tip, "0/full.jsonl")).toContain("theirs");
  expect(await fileIn(repository, tip, "1/full.jsonl")).toContain("ours");
  expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(made.path));
  // Nothing else has moved, and nothing of the transfer is left.
  const ours = (line: string): boolean => !line.includes("refs/entire/");
  expect((await made.git("for-each-ref")).split("\n").filter(ours)).toEqual(before.split("\n").filter(ours));
  expect(readdirSync(join(repository.commonDir, "holdfast", "transfers"))).toEqual([]);
  for (const path of [remote, made.path]) await fsckClean(path);
});

test("a branch of checkpoints whose history was cut off by a shallow clone goes back", async () => {
  const { remote, machine } = await sharing();
  const one = await machine();
  for (const session of ["s1", "s2"])
    await handBranch(one.repository, [{ id, sessions: [{ sessionId: session }] }]);
  await one.queue.add([branchRef]);
  await one.push();
  const path = join(remote, "..", "shallow");
  await runTestGit(remote, [
    "clone",
    "-q",
    "--depth=1",
    "--no-single-branch",
    "--",
    `file://${remote}`,
    path,
  ]);
  await runTestGit(path, [
    "branch",
    "-q",
    "--no-track",
    "entire/checkpoints/v1",
    "origin/entire/checkpoints/v1",
  ]);
  await using repository = await openRepository({ cwd: path, env: gitTestEnv });
  await handBranch(repository, [{ id: other, sessions: [{ sessionId: "s3" }] }]);
  await new PushQueue(repository.commonDir).add([branchRef]);

  expect(await pushWaiting({ repository, remote: "origin", timeoutMs: 30_000 })).toMatchObject({
    outcome: "done",
    pushed: 1,
  });

  expect(await runTestGit(remote, ["log", "--format=%s", branchRef])).toBe(
    "Checkpoint\nCheckpoint\nCheckpoint",
  );
  await fsckClean(remote);
});
