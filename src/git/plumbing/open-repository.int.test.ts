import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, it, test } from "vitest";
import { gitTestEnv, makeRepository, repositoryKinds } from "../../../test/git/repositories.ts";
import { openRepository } from "./open-repository.ts";

test.each(repositoryKinds)(
  "A checkpoint's objects and ref are written and read in a repository: %s",
  async (kind) => {
    using made = await makeRepository(kind);
    await using repository = await openRepository({ cwd: made.path, env: gitTestEnv });
    expect(repository.objectFormat).toBe(kind === "sha256" ? "sha256" : "sha1");
    expect(repository.worktree).toBe(kind === "bare" ? null : made.path);
    const batch = repository.batch();
    const blob = batch.blob(Buffer.from("hello\n"));
    const inner = batch.tree([{ mode: "100644", name: "full.jsonl", id: blob }]);
    const tree = batch.tree([
      { mode: "40000", name: "0", id: inner },
      { mode: "100644", name: "0.json", id: blob },
    ]);
    const who = await repository.identity();
    const commit = batch.commit({ tree, parents: [], author: who, committer: who, message: "Checkpoint\n" });
    await batch.flush();
    const name = "refs/entire/checkpoints/f7/a3b2c4d5e6f7";
    expect(await repository.refs.update({ name, from: null, to: commit })).toBe("updated");
    expect(await repository.refs.update({ name, from: null, to: commit })).toBe("moved");
    expect(await made.git("cat-file", "-p", `${name}:0/full.jsonl`)).toBe("hello");
    expect(await repository.refs.read(name)).toBe(commit);
    expect(await repository.refs.list("refs/entire/")).toEqual([{ name, id: commit }]);
    expect(await repository.objects.commit(commit)).toMatchObject({
      tree,
      message: "Checkpoint\n",
      author: who,
    });
    expect(await repository.objects.tree(tree)).toHaveLength(2);
    expect(await repository.objects.blob(blob, { maxBytes: 6 })).toEqual(Buffer.from("hello\n"));
    await expect(repository.objects.blob(blob, { maxBytes: 5 })).rejects.toMatchObject({
      code: "git_object_too_large",
    });
    const head = await repository.refs.read("HEAD");
    expect(head).toBe(await made.git("rev-parse", "HEAD"));
    expect((await repository.objects.commit(head!))?.message).toMatch(/^Commit 3|^Add/);
    expect(await repository.refs.update({ name, from: commit, to: null })).toBe("updated");
    expect(await repository.refs.read(name)).toBeNull();
    await made.fsckClean();
  },
);

it("A repository is found from a folder below its top, and from within git's own", async () => {
  using made = await makeRepository();
  const below = join(made.path, "a", "b");
  mkdirSync(below, { recursive: true });
  for (const cwd of [below, join(made.path, ".git"), join(made.path, ".git", "refs", "heads")]) {
    await using repository = await openRepository({ cwd, env: gitTestEnv });
    expect(repository).toMatchObject({ worktree: made.path, gitDir: join(made.path, ".git") });
    expect((await repository.git(["status", "--porcelain"])).stdout.toString()).toBe("");
  }
});

it("A repository is found whose path has line breaks in it", async () => {
  using made = await makeRepository();
  const path = join(made.folder, "one\ntwo\n");
  renameSync(made.path, path);
  await using repository = await openRepository({ cwd: path, env: gitTestEnv });
  expect(repository).toMatchObject({ worktree: path, gitDir: join(path, ".git"), objectFormat: "sha1" });
  const [head, name] = [await repository.refs.read("HEAD"), "refs/entire/checkpoints/f7/a3b2c4d5e6f7"];
  expect(await repository.refs.update({ name, from: null, to: head! })).toBe("updated");
  expect((await repository.objects.commit(head!))?.message).toMatch(/^Commit 3|^Add/);
  await repository.git(["config", "core.bare", "true"]);
  await using bare = await openRepository({ cwd: join(path, ".git"), env: gitTestEnv });
  expect(bare).toMatchObject({ bare: true, worktree: null, commonDir: join(path, ".git") });
});
