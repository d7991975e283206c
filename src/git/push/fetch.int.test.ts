import { rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { fileIn, handBranch, handCheckpoint } from "../../../test/git/hand-written.ts";
import { checkpointInput, sessionInput, textOfBlobs } from "../../../test/git/checkpoint-data.ts";
import { type Machine, checkpointRefsOf, sharing } from "../../../test/git/machines.ts";
import { fsckClean, runTestGit } from "../../../test/git/repositories.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { branchRef } from "../format/checkpoint-refs.ts";
import { BranchLayout } from "../layouts/branch.ts";
import { V2Layout } from "../layouts/v2/layout.ts";
import { discover, unpushed } from "./discover.ts";
import { fetchAll, fetchCheckpoints } from "./fetch.ts";

const first = "a3b2c4d5e6f7";
const second = "01KABCDEFGHJKMNPQRSTVWXYZ0";
const timeoutMs = 20_000;

async function share({ repository, queue, push }: Machine, ids: readonly string[]): Promise<void> {
  for (const id of ids) await handCheckpoint(repository, { id, sessions: [{ sessionId: `s-${id}` }] });
  await queue.add(ids.map(refOfCheckpoint));
  await push();
}

describe("a second machine", () => {
  test("sees the names of what the first one shared, and fetches nothing by looking", async () => {
    const { machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await share(one, [first, second]);
    await share(two, [first]);

    expect(await discover({ repository: two.repository, remote: "origin", timeoutMs })).toEqual({
      remote: "origin",
      absent: [second],
      differing: [],
      same: [first],
      shared: [],
    });
    expect(await checkpointRefsOf(two.path)).toHaveLength(1);
  });

  test("fetches by id what it asks for, and tells what the remote does not have", async () => {
    const { machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await share(one, [first, second]);
    const params = { repository: two.repository, remote: "origin", timeoutMs };

    expect(await fetchCheckpoints({ ...params, ids: [second, "ffffffffffff", "no id"] })).toEqual({
      remote: "origin",
      fetched: [second],
      present: [],
      absent: ["ffffffffffff", "no id"],
      failed: [],
    });
    expect(await fetchCheckpoints({ ...params, ids: [second] })).toMatchObject({
      fetched: [],
      present: [second],
    });
    expect(await checkpointRefsOf(two.path)).toHaveLength(1);
    const tip = (await two.repository.refs.read(refOfCheckpoint(second)))!;
    expect(await fileIn(two.repository, tip, "0/full.jsonl")).toContain(second);
    await fsckClean(two.path);
  });

  test("finds by id what lies among others, on the branch or in v2, and joins what it has there itself", async () => {
    const { machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    const [onBranch, inV2, own] = ["000000000001", "000000000002", "000000000003"] as const;
    await handBranch(one.repository, [{ id: onBranch, sessions: [{ sessionId: "s1" }] }]);
    const session = await sessionInput(one.repository, "s2");
    const { refs } = await new V2Layout(one.repository, { rotateAt: 1 }).write(
      checkpointInput(inV2, [session]),
    );
    await one.queue.add([branchRef, ...refs]);
    await one.push();
    await handBranch(two.repository, [{ id: own, sessions: [{ sessionId: "mine" }] }]);
    const params = { repository: two.repository, remote: "origin", timeoutMs };
    const mine = await two.git("rev-parse", branchRef);

    expect(await discover(params)).toMatchObject({ absent: [onBranch, inV2], differing: [], same: [] });
    expect(await two.git("rev-parse", branchRef)).toBe(mine);
    const ids = [inV2, onBranch, "ffffffffffff"];
    const none = { present: [], absent: [], failed: [] };
    expect(await fetchCheckpoints({ ...params, ids })).toEqual({
      ...{ ...none, remote: "origin" },
      fetched: [inV2, onBranch],
      absent: ["ffffffffffff"],
    });

    const branch = new BranchLayout(two.repository);
    expect((await branch.list()).map(({ id }) => id)).toEqual([onBranch, own]);
    await two.git("merge-base", "--is-ancestor", mine, branchRef);
    const stored = await new V2Layout(two.repository).read(inV2);
    expect(await textOfBlobs(two.repository, stored!.sessions[0]!.transcript)).toContain("s2");
    expect(await discover(params)).toMatchObject({ absent: [], differing: [], same: [onBranch, inV2] });
    expect(await fetchCheckpoints({ ...params, ids: [onBranch, inV2] })).toEqual({
      ...{ ...none, remote: "origin" },
      fetched: [],
      present: [onBranch, inV2],
    });
    await fsckClean(two.path);
  });

  test("has what a clone or git's own fetch has brought of the branch, and does not mean to push it", async () => {
    const { machine } = await sharing();
    const one = await machine();
    const write = async ({ repository, queue, push }: Machine, id: string): Promise<void> => {
      await handBranch(repository, [{ id, sessions: [{ sessionId: `s-${id}` }] }]);
      await queue.add([branchRef]);
      await push();
    };
    const [cloned, brought, later] = ["000000000001", "000000000002", "000000000003"] as const;
    await write(one, cloned);
    const two = await machine();
    const params = { repository: two.repository, remote: "origin", timeoutMs };
    const none = { remote: "origin", absent: [], differing: [], shared: [] };
    expect(await discover(params)).toEqual({ ...none, same: [cloned] });
    expect(await unpushed(params)).toEqual([]);
    await handBranch(two.repository, [{ id: "ffffffffffff", sessions: [{ sessionId: "mine" }] }]);
    await write(one, brought);
    await two.git("fetch", "-q");
    expect(await discover(params)).toEqual({ ...none, same: [cloned, brought] });
    expect(await unpushed(params)).toEqual([branchRef]);
    await write(one, later);
    expect(await discover(params)).toEqual({
      ...none,
      absent: [later],
      same: [cloned, brought],
      shared: [branchRef],
    });
  });

  test("is told that a remote does not answer, and not that it has nothing", async () => {
    const { remote, machine } = await sharing();
    const two = await machine();
    rmSync(remote, { recursive: true });
    const params = { repository: two.repository, remote: "origin", timeoutMs };
    await expect(fetchCheckpoints({ ...params, ids: [first] })).rejects.toMatchObject({ code: "git_failed" });
    await expect(discover(params)).rejects.toMatchObject({ code: "git_failed" });
  });

  test("gets all of it, joins what it has itself, and takes no name that is not a checkpoint's", async () => {
    const { remote, machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await share(one, [first, second]);
    await handBranch(one.repository, [{ id: first, sessions: [{ sessionId: "s1" }] }]);
    await one.queue.add([branchRef]);
    await one.push();
    await handCheckpoint(two.repository, { id: first, sessions: [{ sessionId: "mine" }] });
    const tip = await runTestGit(remote, ["rev-parse", "main"]);
    for (const name of [
      "refs/entire/checkpoints/zz/a3b2c4d5e6f7",
      "refs/entire/checkpoints/xx",
      "refs/heads/entire/checkpoints/v1x",
    ])
      await runTestGit(remote, ["update-ref", name, tip]);

    const report = await fetchAll({ repository: two.repository, remote: "origin", timeoutMs });

    expect(new Set(report.fetched)).toEqual(
      new Set([refOfCheckpoint(first), refOfCheckpoint(second), branchRef]),
    );
    expect(report.failed).toEqual([]);
    const joined = (await two.repository.refs.read(refOfCheckpoint(first)))!;
    expect(await fileIn(two.repository, joined, "0/full.jsonl")).toContain(`s-${first}`);
    expect(await fileIn(two.repository, joined, "1/full.jsonl")).toContain("mine");
    expect(await checkpointRefsOf(two.path)).toHaveLength(3);
    await fsckClean(two.path);
  });

  test("asks where it pushes to, where that is another place than it fetches from", async () => {
    const { remote, machine } = await sharing();
    const elsewhere = await sharing();
    const [one, two] = [await machine(), await machine()];
    await share(one, [first]);
    await handBranch(one.repository, [{ id: "0123456789ab", sessions: [{ sessionId: "s1" }] }]);
    await one.queue.add([branchRef]);
    await one.push();
    // As forges allow it, so that looking need not bring transcripts.
    await runTestGit(remote, ["config", "uploadpack.allowFilter", "true"]);
    await two.git("config", "remote.origin.url", elsewhere.remote);
    await two.git("config", "remote.origin.pushurl", remote);
    const params = { repository: two.repository, remote: "origin", timeoutMs };
    expect((await discover(params)).absent).toEqual(["0123456789ab", first]);
    expect((await fetchCheckpoints({ ...params, ids: [first] })).fetched).toEqual([first]);
  });
});
