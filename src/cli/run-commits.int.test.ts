import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gitTestEnv, makeRepository, type TestRepository } from "../../test/git/repositories.ts";
import { openRepository } from "../git/plumbing/open-repository.ts";
import { commitsOf, type NamedCommit } from "./run-commits.ts";

// Every commit of a test is made in the same second.
let made: TestRepository;
beforeEach(async () => {
  made = await makeRepository("plain");
});
afterEach(() => made[Symbol.dispose]());

const amended = { without: "the run made it anew with git commit --amend" };

describe("the commits that a run made in one second", () => {
  it("on one parent are all its own while branches hold them, or what a worktree has checked out", async () => {
    const begin = await made.git("rev-parse", "HEAD");
    const ids: string[] = [];
    for (const branch of ["x", "y"]) {
      await made.git("checkout", "-q", "-b", branch, begin);
      ids.push(await commit(`Add ${branch}`));
    }
    const beside = `${made.path}-beside`;
    await made.git("worktree", "add", "-q", "--detach", beside, begin);
    ids.splice(1, 0, await commit("Add z", "-C", beside));
    expect(await named(ids)).toMatchObject(ids.map((id) => ({ id })));
    rmSync(beside, { recursive: true });
    await made.git("worktree", "prune");
    expect(await named(ids)).toMatchObject([{ id: ids[0] }, amended, { id: ids[2] }]);
  });

  it("are without those that it amended, whichever ref of checkpoints holds them", async () => {
    const ids = [await commit("Add a"), await commit("Add a well", "--amend"), await commit("Add b")];
    await made.git("update-ref", "refs/entire/checkpoints/a3/b2c4d5e6f7", ids[0]!);
    expect(await named(ids)).toMatchObject([amended, { id: ids[1] }, { id: ids[2] }]);
  });
});

describe("the branch of a commit that a run made", () => {
  it("is the one that is checked out at it", async () => {
    const id = await commit("Add a");
    expect(await named([id])).toEqual([{ name: shortOf(id), id, branch: "main" }]);
  });

  it("is not told once the branch has gone on, or where none is checked out", async () => {
    const id = await commit("Add a");
    await made.git("checkout", "-q", "-b", "later");
    await commit("Add b");
    expect(await named([id])).toEqual([{ name: shortOf(id), id }]);
    await made.git("checkout", "-q", "--detach", id);
    expect(await named([id])).toEqual([{ name: shortOf(id), id }]);
  });
});

/** Makes a commit, at `-C` in another folder; gives its id. */
async function commit(message: string, ...args: readonly string[]): Promise<string> {
  const where = args[0] === "-C" ? args.slice(0, 2) : [];
  const rest = args.slice(where.length);
  await made.git(...where, "commit", "-q", "--allow-empty", "-m", message, ...rest);
  return await made.git(...where, "rev-parse", "HEAD");
}

function shortOf(id: string): string {
  return id.slice(0, 8);
}

/** What comes of them, by the names that git tells. */
async function named(ids: readonly string[]): Promise<readonly NamedCommit[]> {
  await using repository = await openRepository({ cwd: made.path, env: gitTestEnv });
  return await commitsOf(repository, { commits: ids.map(shortOf), folder: made.path });
}
