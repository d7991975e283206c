import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { gitTestEnv, makeRepository } from "../../../test/git/repositories.ts";
import { runGit } from "./git-process.ts";
import { openRepository } from "./open-repository.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-git-process-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program that stands in for git, first on the path. */
function fakeGit(name: string, script: string): { cwd: string; env: Record<string, string> } {
  const bin = join(folder, name);
  const path = mkdtempSync(`${bin}-`);
  writeFileSync(join(path, "git"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(path, "git"), 0o755);
  return { cwd: folder, env: { ...gitTestEnv, PATH: `${path}:${gitTestEnv["PATH"]}` } };
}

describe("A git command", () => {
  it("that does not end in time is killed with what it has started", async () => {
    const pidFile = join(folder, "pid");
    const at = fakeGit("slow", `sleep 60 & echo $! > ${pidFile}; wait`);
    // By then the shell must have noted its child, also where much else runs.
    await expect(runGit(["fetch"], at, { timeoutMs: 3000 })).rejects.toMatchObject({
      code: "git_timeout",
      retryable: true,
    });
    const pid = Number(readFileSync(pidFile, "utf8"));
    // A killed process stays a zombie until its new parent has looked.
    await expect.poll(() => stateOf(pid), { timeout: 10_000 }).toMatch(/^[ZX]?$/);
  });

  it("that prints more than allowed is killed", async () => {
    const at = fakeGit("loud", "exec yes");
    await expect(runGit(["log"], at, { maxBytes: 10_000 })).rejects.toMatchObject({
      code: "git_output_too_large",
      data: { command: "git log", maxBytes: 10_000 },
    });
  });

  it("that the caller gives up is killed, and one that was given up before is not started", async () => {
    const marker = join(folder, "started");
    const at = fakeGit("waits", `echo > ${marker}; exec sleep 60`);
    await expect(runGit(["gc"], at, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
    expect(existsSync(marker)).toBe(false);
    const given = new AbortController();
    const running = runGit(["gc"], at, { signal: given.signal });
    await expect.poll(() => existsSync(marker), { timeout: 10_000 }).toBe(true);
    given.abort();
    await expect(running).rejects.toMatchObject({ code: "aborted" });
  });

  it("that fails is named with its code and its words, and a code that is an answer is given back", async () => {
    using made = await makeRepository();
    const at = { cwd: made.path, env: gitTestEnv };
    await expect(runGit(["rev-parse", "--verify", "none"], at)).rejects.toMatchObject({
      code: "git_failed",
      message: expect.stringMatching(/^git rev-parse ended with code 128: fatal: Needed a single revision\./),
    });
    await expect(runGit(["config", "--get", "no.such"], at, { codes: [0, 1] })).resolves.toMatchObject({
      code: 1,
    });
    await expect(
      runGit(["hash-object", "--stdin"], at, { input: "x".repeat(1_000_000) }),
    ).resolves.toMatchObject({ code: 0 });
  });

  it("gets nothing of the git that called, be it another repository's folder, index or pathspecs", async () => {
    using made = await makeRepository();
    using other = await makeRepository("sha256");
    const env = {
      ...gitTestEnv,
      GIT_DIR: join(other.path, ".git"),
      GIT_WORK_TREE: other.path,
      GIT_INDEX_FILE: join(folder, "no-index"),
      GIT_OBJECT_DIRECTORY: join(folder, "no-objects"),
      GIT_PREFIX: "sub/",
      GIT_LITERAL_PATHSPECS: "1",
    };
    await using repository = await openRepository({ cwd: made.path, env });
    expect(repository.gitDir).toBe(join(made.path, ".git"));
    expect((await repository.git(["status", "--porcelain"])).stdout.toString()).toBe("");
    expect((await repository.git(["ls-files", "--", "*.md"])).stdout.toString()).toBe("README.md\n");
    // What the caller set for its own git holds: who commits, for one.
    const named = { ...gitTestEnv, GIT_COMMITTER_NAME: undefined, GIT_COMMITTER_EMAIL: undefined };
    const told = { GIT_CONFIG_PARAMETERS: "'user.name'='Given' 'user.email'='given@example.com'" };
    await using third = await openRepository({ cwd: made.path, env: { ...named, ...told } });
    expect(await third.identity()).toMatchObject({ name: "Given", email: "given@example.com" });
  });
});

function stateOf(pid: number): string {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}
