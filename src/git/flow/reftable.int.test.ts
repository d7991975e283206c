import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hookPrograms, LinkedRepository } from "../../../test/git/linked-repository.ts";
import { gitTestEnv } from "../../../test/git/repositories.ts";
import { headByGit } from "./head-by-git.ts";
import { headOf, placeOf } from "./place.ts";
import { fieldOf } from "./spool.ts";

// The git of these tests has no reftable: what lies in files is taken away, and what git says stays the same.

test("the branch and the commit of a session are asked of git where its file of HEAD does not tell them", async () => {
  using linked = await LinkedRepository.make();
  const place = placeOf(linked.path)!;
  expect(headByGit(place.gitDir)).toEqual(headOf(place));
  expect(headOf(place)).toMatchObject({ branch: "main", commit: await linked.git(["rev-parse", "HEAD"]) });
  await linked.git(["checkout", "-q", "--detach"]);
  expect(headByGit(place.gitDir)).toEqual(headOf(place));
  const bare = mkdtempSync(join(linked.path, "reftable-"));
  writeFileSync(join(bare, "HEAD"), "ref: refs/heads/.invalid\n");
  const asked = (gitDir: string) => ({ branch: `of ${gitDir}` });
  expect(headOf({ gitDir: bare, commonDir: bare }, asked)).toEqual({ branch: `of ${bare}` });
});

test("a commit that is picked or reverted is known by git's ref where no file tells of it", async () => {
  using linked = await LinkedRepository.make();
  linked.session("s-1", ["a", "b"]);
  await linked.git(["update-ref", "refs/CHERRY_PICK_HEAD", "HEAD"]);
  expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
  mkdirSync(join(linked.commonDir, "reftable"));
  expect((await linked.commit("b")).sessions).toEqual([]);
  expect(fieldOf(linked.events().at(-1)!, "during")).toBe("CHERRY_PICK_HEAD");
});

test("what a reset dropped is found in the reflog that git tells where there is no file of it", async () => {
  using linked = await LinkedRepository.make();
  linked.session("s-1", ["a"]);
  const { checkpoints } = await linked.commit("a");
  await linked.git(["reset", "-q", "--soft", "HEAD~"]);
  const gitDir = mkdtempSync(join(linked.path, "reftable-"));
  const note = join(linked.commonDir, "holdfast/minted/@");
  const inherited = (at: string): string =>
    spawnSync(process.execPath, [hookPrograms.hook, "inherited", "reset", at, note], {
      cwd: linked.path,
      env: gitTestEnv,
      encoding: "utf8",
    }).stdout;
  expect(inherited(gitDir)).toBe(`Entire-Checkpoint: ${checkpoints[0]}\nAgent-Session: s-1\n`);
  expect(inherited(gitDir)).toBe(inherited(linked.commonDir));
  // The hook asks for it without the files.
  linked.session("s-1");
  await linked.git(["update-ref", "refs/ORIG_HEAD", "ORIG_HEAD"]);
  renameSync(join(linked.commonDir, "ORIG_HEAD"), join(linked.commonDir, "WAS_ORIG_HEAD"));
  mkdirSync(join(linked.commonDir, "reftable"));
  await linked.git(["commit", "-q", "-m", "Again"]);
  expect((await linked.trailers()).checkpoints).toEqual(checkpoints);
});
