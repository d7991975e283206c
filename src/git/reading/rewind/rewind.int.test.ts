import { RefsLayout } from "../../layouts/refs.ts";
import { FactsIndex } from "../facts-index.ts";
import {
  chmodSync,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { gitTestEnv, runTestGit } from "../../../../test/git/repositories.ts";
import { Story } from "../../../../test/git/story.ts";
import { openRepository } from "../../plumbing/open-repository.ts";
import { changedPaths } from "./changed-paths.ts";
import { rewind, type Rewound, undoRewind } from "./rewind.ts";
import { keepState, rewindRefs } from "./state.ts";

const id = "a1b2c3d4e5f6";
let story: Story;

beforeEach(async () => {
  story = await Story.make();
});
afterEach(async () => {
  await story[Symbol.asyncDispose]();
});

function back({ dryRun = false } = {}): Promise<Rewound> {
  return rewind({
    repository: story.repository,
    index: story.index,
    checkpoint: id,
    nowMs: 1_770_000_000_000,
    dryRun,
  });
}

function undo(): Promise<Rewound> {
  return undoRewind({ repository: story.repository, dryRun: false });
}

function read(path: string): string {
  return readFileSync(join(story.path, path), "utf8");
}

function path(name: string): string {
  return join(story.path, name);
}

/** A checkpoint with three files, then a commit that changes, removes and adds some. */
async function tell(): Promise<{ readonly first: string; readonly second: string }> {
  const first = await story.commit(
    { "a.txt": "a1\n", "dir/gone.txt": "old\n", "same.txt": "same\n" },
    "One",
    { checkpoints: [id] },
  );
  const second = await story.commit({ "a.txt": "a2\n", "dir/gone.txt": null, "new.txt": "new\n" }, "Two");
  return { first, second };
}

describe("rewind", () => {
  it("brings files back without moving HEAD, and the undo brings all of it forth again", async () => {
    const { first, second } = await tell();
    const before = await story.git("status", "--porcelain");
    const done = await back();
    expect(done.paths.map((changed) => changed.path).toSorted()).toEqual([
      "a.txt",
      "dir/gone.txt",
      "new.txt",
    ]);
    expect([read("a.txt"), read("dir/gone.txt"), existsSync(path("new.txt"))]).toEqual([
      "a1\n",
      "old\n",
      false,
    ]);
    expect(await story.git("rev-parse", "HEAD")).toBe(second);
    expect(await story.git("diff", first, "--stat")).toBe("");
    await story.git("cat-file", "-e", `${done.kept!.ref}^{commit}`);
    await undo();
    expect([read("a.txt"), existsSync(path("dir/gone.txt")), read("new.txt")]).toEqual([
      "a2\n",
      false,
      "new\n",
    ]);
    expect(await story.git("status", "--porcelain")).toBe(before);
    expect(await story.git("for-each-ref", rewindRefs)).toBe("");
    await expect(undo()).rejects.toMatchObject({ code: "rewind_refused" });
  });

  it("changes nothing at all where a changed, a staged, an untracked or an ignored file would be lost", async () => {
    await tell();
    const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["a.txt", async () => story.files({ "a.txt": "mine\n" })],
      ["a.txt", async () => (story.files({ "a.txt": "mine\n" }), story.git("add", "a.txt"))],
      ["dir/gone.txt", async () => story.files({ "dir/gone.txt": "mine\n" })],
      ["dir/gone.txt", async () => story.files({ "dir/gone.txt": "mine\n", ".gitignore": "dir/\n" })],
      ["dir", async () => story.files({ dir: "a file where the folder is to be\n" })],
    ];
    for (const [name, spoil] of cases) {
      await spoil();
      const status = await story.git("status", "--porcelain", "--ignored");
      await expect(back()).rejects.toMatchObject({
        code: "rewind_refused",
        message: expect.stringContaining(name),
      });
      expect(await story.git("status", "--porcelain", "--ignored")).toBe(status);
      expect(await story.git("for-each-ref", rewindRefs)).toBe("");
      await story.git("reset", "-q", "--hard");
      await story.git("clean", "-q", "-fdx");
    }
  });

  it("keeps changes that it does not touch, through undo as well", async () => {
    await tell();
    story.files({ "same.txt": "my change\n", "notes.md": "untracked\n" });
    await story.git("add", "same.txt");
    story.files({ "same.txt": "my change and more\n" });
    const before = await story.git("status", "--porcelain");
    await back();
    expect([read("a.txt"), read("same.txt"), read("notes.md")]).toEqual([
      "a1\n",
      "my change and more\n",
      "untracked\n",
    ]);
    await undo();
    expect(await story.git("status", "--porcelain")).toBe(before);
    expect(await story.git("show", ":same.txt")).toBe("my change");
  });

  it("does not undo over work that came after it", async () => {
    await tell();
    await back();
    story.files({ "a.txt": "work after the rewind\n" });
    await expect(undo()).rejects.toMatchObject({
      code: "rewind_refused",
      message: expect.stringContaining("a.txt"),
    });
    expect(read("a.txt")).toBe("work after the rewind\n");
  });

  it("goes from one checkpoint to an earlier one, and back step by step", async () => {
    const early = "0f0f0f0f0f0f";
    await story.commit({ "a.txt": "a0\n" }, "Zero", { checkpoints: [early] });
    await tell();
    await back();
    await rewind({
      repository: story.repository,
      index: story.index,
      checkpoint: early,
      nowMs: 1_770_000_001_000,
      dryRun: false,
    });
    expect(read("a.txt")).toBe("a0\n");
    await undo();
    expect(read("a.txt")).toBe("a1\n");
    await undo();
    expect(read("a.txt")).toBe("a2\n");
  });

  it("keeps modes and links as links, and leaves what they point to alone", async () => {
    story.files({ "run.sh": "#!/bin/sh\n", "target.txt": "target\n" });
    symlinkSync("target.txt", path("link"));
    chmodSync(path("run.sh"), 0o755);
    await story.commit({}, "Links", { checkpoints: [id] });
    unlinkSync(path("link"));
    chmodSync(path("run.sh"), 0o644);
    await story.commit({ link: "now a file\n" }, "No links");
    await back();
    expect(readlinkSync(path("link"))).toBe("target.txt");
    expect(lstatSync(path("run.sh")).mode & 0o111).not.toBe(0);
    await undo();
    expect([read("link"), read("target.txt")]).toEqual(["now a file\n", "target\n"]);
  });

  it("says of a dry run what it would do, and does nothing", async () => {
    await tell();
    const done = await back({ dryRun: true });
    expect(done.paths).toHaveLength(3);
    expect(read("a.txt")).toBe("a2\n");
    expect(await story.git("for-each-ref", rewindRefs)).toBe("");
  });

  it("refuses in the middle of a merge, and without a commit of that checkpoint", async () => {
    const { first } = await tell();
    await expect(
      rewind({
        repository: story.repository,
        index: story.index,
        checkpoint: "ffffffffffff",
        nowMs: 0,
        dryRun: false,
      }),
    ).rejects.toMatchObject({ code: "rewind_refused" });
    await story.git("checkout", "-q", "-b", "side", first);
    await story.commit({ "a.txt": "side\n" }, "Side");
    await story.git("merge", "-q", "main").catch(() => undefined);
    await expect(back()).rejects.toMatchObject({
      code: "rewind_refused",
      message: expect.stringContaining("merge"),
    });
    await story.git("merge", "--abort");
  });

  it("that was killed half way is taken back by undo, and what others wrote meanwhile stays", async () => {
    const { first, second } = await tell();
    const { repository } = story;
    const [fromTree, toTree] = [
      await story.git("rev-parse", `${second}^{tree}`),
      await story.git("rev-parse", `${first}^{tree}`),
    ];
    await keepState(repository, {
      fromTree,
      toTree,
      target: first,
      checkpoint: id,
      nowMs: 1_770_000_000_000,
    });
    expect(await changedPaths(repository, fromTree, toTree)).toHaveLength(3);
    // As git leaves them: some files moved, the index not yet written.
    story.files({ "a.txt": "a1\n", "dir/gone.txt": "old\n", "new.txt": "written since\n" });
    await undo();
    expect([read("a.txt"), existsSync(path("dir/gone.txt")), read("new.txt")]).toEqual([
      "a2\n",
      false,
      "written since\n",
    ]);
  });

  it("that git refuses keeps nothing, and one that it gives up half-way can be undone", async () => {
    await story.commit({ "a.txt": "a1\n", "b.bad": "b1\n" }, "One", { checkpoints: [id] });
    const onlyB = await story.commit({ "b.bad": null }, "Two");
    await story.commit({ "a.txt": "a3\n" }, "Three");
    story.files({ ".git/info/attributes": "*.bad filter=bad\n" });
    await story.git("config", "filter.bad.smudge", "false");
    await story.git("config", "filter.bad.required", "true");
    const kept = (): Promise<string> => story.git("for-each-ref", "--format=%(refname)", rewindRefs);
    await story.git("checkout", "-q", onlyB);
    await expect(back()).rejects.toThrow(/git does not move the files: .*filter/s);
    expect([await kept(), await story.git("status", "--porcelain")]).toEqual(["", ""]);
    await story.git("checkout", "-q", "main");
    await expect(back()).rejects.toThrow(/git does not move the files/);
    expect([await kept(), read("a.txt")]).toEqual([expect.stringContaining(rewindRefs), "a1\n"]);
    await undo();
    expect([await kept(), read("a.txt")]).toEqual(["", "a3\n"]);
  });

  it("leaves files alone that a sparse worktree does not have", async () => {
    await story.commit({ "in/a.txt": "1\n", "out/b.txt": "1\n" }, "One", { checkpoints: [id] });
    await story.commit({ "in/a.txt": "2\n", "out/b.txt": "2\n" }, "Two");
    await story.git("sparse-checkout", "set", "in");
    await back();
    expect([read("in/a.txt"), existsSync(path("out"))]).toEqual(["1\n", false]);
    await undo();
    expect([read("in/a.txt"), existsSync(path("out"))]).toEqual(["2\n", false]);
    await story.git("sparse-checkout", "disable");
    expect(await story.git("status", "--porcelain")).toBe("");
  });

  it("leaves submodules where they are and names them", async () => {
    await story[Symbol.asyncDispose]();
    story = await Story.make("submodule");
    const outer = join(story.path, "..");
    await using repository = await openRepository({ cwd: outer, env: gitTestEnv });
    const git = (...args: readonly string[]): Promise<string> => runTestGit(outer, args);
    await git("commit", "-q", "--allow-empty", "-m", `Begin\n\nEntire-Checkpoint: ${id}`);
    const sub = await story.commit({ "sub.txt": "sub\n" }, "In the submodule");
    await git("commit", "-q", "-a", "-m", "Move the submodule");
    const done = await rewind({
      repository,
      index: new FactsIndex({ repository, source: new RefsLayout(repository) }),
      checkpoint: id,
      nowMs: 0,
      dryRun: false,
    });
    expect(done.submodules).toEqual(["sub"]);
    expect([await story.git("rev-parse", "HEAD"), read("sub.txt")]).toEqual([sub, "sub\n"]);
    await undoRewind({ repository, dryRun: false });
    expect(await git("status", "--porcelain")).toBe("");
  });

  it.each([
    ["a file", { sub: "a file\n" }],
    ["files in a folder", { "sub/a.txt": "a\n" }],
    ["nothing", { "other.txt": "other\n" }],
  ] as const)(
    "never deletes a repository in a submodule's folder where the checkpoint has %s",
    async (what, files) => {
      await story.commit(files, "Before the submodule", { checkpoints: [id] });
      await story.git("rm", "-q", "-r", ...Object.keys(files));
      await story.git("init", "-q", "sub");
      await runTestGit(path("sub"), ["commit", "-q", "--allow-empty", "-m", "In it"]);
      story.files({ "sub/work.txt": "nowhere else\n" });
      await story.commit({}, "With the submodule");
      const status = await story.git("status", "--porcelain");
      for (const dryRun of [true, false])
        await expect(back({ dryRun })).rejects.toMatchObject({
          code: "rewind_refused",
          message: expect.stringContaining('"sub" holds files'),
        });
      expect([read("sub/work.txt"), existsSync(path("sub/.git/HEAD"))]).toEqual(["nowhere else\n", true]);
      expect(await story.git("status", "--porcelain")).toBe(status);

      // Without the folder nothing is lost, here and back.
      rmSync(path("sub"), { recursive: true });
      await back();
      for (const [name, text] of Object.entries(files)) expect(read(name)).toBe(text);
      if (what !== "a file") {
        story.files({ "sub/work.txt": "since the rewind\n" });
        await expect(undo()).rejects.toMatchObject({ code: "rewind_refused" });
        expect(read("sub/work.txt")).toBe("since the rewind\n");
        rmSync(path("sub/work.txt"));
      }
      await undo();
      for (const name of Object.keys(files)) expect(existsSync(path(name)) && name !== "sub").toBe(false);
      expect(lstatSync(path("sub")).isDirectory()).toBe(true);
    },
  );

  it("in one worktree is not undone in another", async () => {
    await story[Symbol.asyncDispose]();
    story = await Story.make("worktree");
    await tell();
    await back();
    const main = join(story.folder, "main");
    await using other = await openRepository({ cwd: main, env: gitTestEnv });
    await expect(undoRewind({ repository: other, dryRun: false })).rejects.toMatchObject({
      code: "rewind_refused",
    });
    await undo();
    expect(read("a.txt")).toBe("a2\n");
  });

  it("refuses names that a file system which ignores case takes for one", async () => {
    await story.commit({ "readme.md": "lower\n" }, "Two names", { checkpoints: [id] });
    await story.git("rm", "-q", "readme.md", "README.md");
    await story.commit({}, "None");
    await story.git("config", "core.ignoreCase", "true");
    await expect(back()).rejects.toMatchObject({ message: expect.stringContaining("one name") });
    expect(existsSync(path("readme.md"))).toBe(false);
  });
});
