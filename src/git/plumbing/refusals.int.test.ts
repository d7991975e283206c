import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { gitTestEnv, makeRepository } from "../../../test/git/repositories.ts";
import { openRepository } from "./open-repository.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-git-refusals-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("A repository that cannot be opened", () => {
  it("is none: the folder lies in no repository", async () => {
    await expect(openRepository({ cwd: folder, env: gitTestEnv })).rejects.toMatchObject({
      code: "git_not_a_repository",
      message: expect.stringContaining("git init"),
    });
  });

  it("is another one's, whom git does not trust", async () => {
    using made = await makeRepository();
    const env = { ...gitTestEnv, GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" };
    await expect(openRepository({ cwd: made.path, env })).rejects.toMatchObject({
      code: "git_unsafe",
      message: expect.stringContaining("safe.directory"),
    });
  });

  it("is newer than the git that is here", async () => {
    using made = await makeRepository();
    await made.git("config", "core.repositoryFormatVersion", "1");
    await made.git("config", "extensions.refStorage", "reftable");
    await expect(openRepository({ cwd: made.path, env: gitTestEnv })).rejects.toMatchObject({
      code: "git_too_old",
      message: expect.stringMatching(/refstorage.*later git/s),
    });
  });

  it("finds no git, or a git from before the options that are needed", async () => {
    using made = await makeRepository();
    const none = { ...gitTestEnv, PATH: join(folder, "nothing") };
    await expect(openRepository({ cwd: made.path, env: none })).rejects.toMatchObject({
      code: "git_missing",
    });
    const old = { ...gitTestEnv, PATH: `${oldGit('for word; do echo "$word"; done')}:${gitTestEnv["PATH"]}` };
    await expect(openRepository({ cwd: made.path, env: old })).rejects.toMatchObject({ code: "git_too_old" });
    await expect(openRepository({ cwd: join(folder, "gone"), env: gitTestEnv })).rejects.toMatchObject({
      code: "git_missing",
    });
  });
});

describe("A git from before 2.36, without `cat-file --batch-command`,", () => {
  it("is asked for sizes and contents in two processes", async () => {
    using made = await makeRepository();
    const real = gitTestEnv["PATH"]!.split(":").find((path) => existsSync(join(path, "git")))!;
    const bin = oldGit(`case "$*" in *--batch-command*) exit 129;; esac\nexec ${join(real, "git")} "$@"`);
    const env = { ...gitTestEnv, PATH: `${bin}:${gitTestEnv["PATH"]}` };
    await using repository = await openRepository({ cwd: made.path, env });
    const id = await made.git("rev-parse", "HEAD:README.md");
    const read = Array.from({ length: 20 }, () => repository.objects.blob(id, { maxBytes: 100 }));
    expect(new Set((await Promise.all(read)).map(String))).toEqual(new Set(["# Version 3\n"]));
    expect(await repository.objects.header("0".repeat(40))).toBeNull();
  });
});

describe("Who commits", () => {
  it("is a stand-in where nobody is configured", async () => {
    using made = await makeRepository();
    await made.git("config", "user.useConfigOnly", "true");
    const {
      GIT_COMMITTER_NAME: _name,
      GIT_COMMITTER_EMAIL: _email,
      GIT_COMMITTER_DATE: _date,
      ...env
    } = gitTestEnv;
    await using repository = await openRepository({ cwd: made.path, env });
    const who = await repository.identity();
    expect(who).toMatchObject({ name: "holdfast", email: "holdfast@localhost" });
    expect(Math.abs(who.atMs - Date.now())).toBeLessThan(60_000);
    const batch = repository.batch();
    const tree = batch.tree([]);
    batch.commit({ tree, parents: [], author: who, committer: who, message: "Nobody's\n" });
    await batch.flush();
    await made.fsckClean();
  });
});

function oldGit(script: string): string {
  const bin = mkdtempSync(join(folder, "bin-"));
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "git"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, "git"), 0o755);
  return bin;
}
