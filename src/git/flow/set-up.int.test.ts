import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { snapshot } from "../../../test/cli/home.ts";
import { LinkedRepository } from "../../../test/git/linked-repository.ts";
import { gitTestEnv } from "../../../test/git/repositories.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import { disable } from "./disable.ts";
import { mendHooks } from "./enable.ts";
import { hookNames } from "./hook-scripts.ts";
import { flowStatus } from "./status.ts";

/** Hooks that note in a file that they ran, with their arguments and what came on stdin. */
const noting = (name: string): string =>
  `#!/bin/sh\necho "${name} $#" >> "$(git rev-parse --git-common-dir)/ran"\n`;

async function opened<T>(
  linked: LinkedRepository,
  use: (repository: Awaited<ReturnType<typeof openRepository>>) => Promise<T>,
): Promise<T> {
  await using repository = await openRepository({ cwd: linked.path, env: gitTestEnv });
  return await use(repository);
}

const statusOf = (linked: LinkedRepository) => opened(linked, (repository) => flowStatus(repository));
const disabled = (linked: LinkedRepository) =>
  opened(linked, (repository) => disable(repository, { forget: true }));
const ranIn = (linked: LinkedRepository): string => readFileSync(join(linked.commonDir, "ran"), "utf8");

/** Everything in the repository but what git itself writes while it is looked at. */
function traces(linked: LinkedRepository): Record<string, string> {
  const all = snapshot(linked.path);
  return Object.fromEntries(
    Object.entries(all).filter(
      ([name]) => !/^\.git\/(?:index|logs|objects|refs|COMMIT_EDITMSG|ORIG_HEAD)/.test(name),
    ),
  );
}

describe("enable", () => {
  it.each(["plain", "worktree", "submodule", "sha256"] as const)(
    "links commits in a repository of the kind: %s",
    async (kind) => {
      using linked = await LinkedRepository.make(kind);
      linked.session("s-1", ["a", "b"]);
      expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
      expect(linked.events().at(-1)?.fields).toContainEqual(["worktree", linked.worktree]);
      await linked.git(["commit", "-q", "--amend", "-m", "Anew"]);
      expect((await linked.trailers()).sessions).toEqual(["s-1"]);
      expect((await statusOf(linked)).problems).toEqual([]);
      await linked.fsckClean();
    },
  );

  it("again changes nothing, and is undone without a trace", async () => {
    let before: Record<string, string> = {};
    using linked = await LinkedRepository.make("plain", (made) => {
      made.write(
        ".claude/settings.local.json",
        '{\n    "permissions": {"allow": ["Bash(ls)"]},\n    "n": 1.0\n}\n',
      );
      before = traces(made);
    });
    expect(await linked.git(["status", "--porcelain"])).toBe("?? .claude/");
    const after = traces(linked);
    expect((await linked.enable()).changes).toEqual([]);
    expect(traces(linked)).toEqual(after);
    expect(await disabled(linked)).toMatchObject({ left: [], pending: 0 });
    expect(traces(linked)).toEqual(before);
  });

  it("brings hooks of an earlier version up to date", async () => {
    using linked = await LinkedRepository.make("plain");
    const after = traces(linked);
    const path = join(linked.commonDir, "hooks/commit-msg");
    writeFileSync(path, `${readFileSync(path, "utf8")}# as it once was\n`);
    expect((await linked.enable()).changes).toEqual([`hooks of git in ${join(linked.commonDir, "hooks")}`]);
    expect(traces(linked)).toEqual(after);
  });

  it("only says what it would do, where nothing is to be changed", async () => {
    let before: Record<string, string> = {};
    using linked = await LinkedRepository.make("plain");
    await disabled(linked);
    before = traces(linked);
    const { changes } = await linked.enable({ dryRun: true, settings: { layout: "v2" } });
    expect(changes).toContain("settings: v2");
    expect(changes).toHaveLength(hookNames.length + 4);
    expect(traces(linked)).toEqual(before);
  });

  it("leaves no file of its own for others to commit, in any worktree", async () => {
    using linked = await LinkedRepository.make("worktree");
    expect(await linked.git(["status", "--porcelain", "-uall"])).toBe("");
    await disabled(linked);
    expect(existsSync(join(linked.path, ".claude"))).toBe(false);
    expect(await linked.git(["config", "--get-regexp", "holdfast"]).catch(() => "none")).toBe("none");
  });

  it.each([
    [{ layout: "git-refs", mirrors: ["git-branch"] }, /ULIDs, which the mirror git-branch does not take/],
    [{ layout: "v2", mirrors: ["v2"] }, /its own mirror/],
    [{ layout: "git-branch", mirrors: ["v2", "v2"] }, /named twice/],
  ] as const)("refuses %j and changes nothing", async (settings, message) => {
    using linked = await LinkedRepository.make("plain");
    const before = traces(linked);
    await expect(linked.enable({ settings })).rejects.toThrow(message);
    expect(traces(linked)).toEqual(before);
  });

  it("refuses settings of Claude Code that are no JSON, and changes nothing", async () => {
    using linked = await LinkedRepository.make("plain");
    await disabled(linked);
    linked.write(".claude/settings.local.json", "{ // a comment\n}\n");
    const before = traces(linked);
    await expect(linked.enable()).rejects.toThrow(/settings\.local\.json is no JSON, and is left as it is/);
    expect(traces(linked)).toEqual(before);
  });
});

describe("hooks that are there already", () => {
  it("run first with their arguments and stdin, stop what they stopped, and come back as they were", async () => {
    let before: Record<string, string> = {};
    using linked = await LinkedRepository.make("plain", (made) => {
      for (const name of hookNames) made.write(`.git/hooks/${name}`, noting(name), 0o755);
      made.write(".git/hooks/pre-push", `${noting("pre-push")}cat >> .git/ran\n[ ! -f stop ]\n`, 0o755);
      made.write(".git/hooks/commit-msg", `${noting("commit-msg")}! grep -q WIP "$1"\n`, 0o755);
      before = traces(made);
    });
    linked.session("s-1", ["a", "b"]);
    expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
    expect(ranIn(linked)).toBe("prepare-commit-msg 2\ncommit-msg 1\npost-commit 0\n");
    await linked.stage("b");
    await expect(linked.git(["commit", "-q", "-m", "WIP"])).rejects.toThrow("git commit");
    await linked.git(["init", "-q", "--bare", join(linked.path, "../remote.git")]);
    await linked.git(["push", "-q", "../remote.git", "main"]);
    expect(ranIn(linked)).toMatch(/pre-push 2\nrefs\/heads\/main [0-9a-f]{40} refs\/heads\/main 0{40}\n$/);
    expect(linked.events().findLast(({ kind }) => kind === "pre-push")?.body).toMatch(/^refs\/heads\/main /);
    linked.write("stop", "");
    await expect(linked.git(["push", "-q", "../remote.git", "main:other"])).rejects.toThrow("git push");
    await disabled(linked);
    for (const path of ["ran", "a", "b", "stop"]) delete before[path];
    const after = traces(linked);
    for (const name of hookNames) expect(after[`.git/hooks/${name}`]).toBe(before[`.git/hooks/${name}`]);
    expect(linked.hookFiles()).toEqual([...hookNames].toSorted());
  });

  it("of lefthook are called, and ours are put right when it takes their place", async () => {
    const lefthook = (name: string): string => `${noting(name)}# lefthook: call_lefthook run "${name}"\n`;
    const install = (made: LinkedRepository): void => {
      for (const name of ["prepare-commit-msg", "pre-commit"]) {
        const path = join(made.commonDir, "hooks", name);
        if (existsSync(path) && !readFileSync(path, "utf8").includes("lefthook"))
          renameSync(path, `${path}.old`);
        made.write(`.git/hooks/${name}`, lefthook(name), 0o755);
      }
    };
    using linked = await LinkedRepository.make("plain", install);
    linked.session("s-1", ["a", "b"]);
    expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
    install(linked);
    const { problems, hooks } = await statusOf(linked);
    expect(hooks).toMatchObject({
      otherTools: ["lefthook"],
      states: { "prepare-commit-msg": "replaced", "commit-msg": "ours" },
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /^The hooks prepare-commit-msg in .* are not ours any more: run holdfast git enable/,
      ),
    ]);
    expect(await opened(linked, mendHooks)).toBe(true);
    expect((await linked.commit("b")).sessions).toEqual(["s-1"]);
    expect(ranIn(linked)).toBe("pre-commit 0\nprepare-commit-msg 2\n".repeat(2));
    await disabled(linked);
    expect(linked.hookFiles()).toEqual(["pre-commit", "prepare-commit-msg"]);
    expect(linked.read(".git/hooks/prepare-commit-msg")).toBe(lefthook("prepare-commit-msg"));
  });

  it("of husky are called from its own folder, which is not touched, over a reinstall", async () => {
    using linked = await LinkedRepository.make("plain", async (made) => {
      made.write(".husky/_/.gitignore", "*");
      made.write(
        ".husky/_/h",
        '#!/usr/bin/env sh\n# husky\ns="$(dirname "$(dirname "$0")")/$(basename "$0")"\n[ ! -f "$s" ] || sh -e "$s" "$@"\n',
        0o755,
      );
      for (const name of ["pre-commit", "commit-msg"]) {
        made.write(`.husky/_/${name}`, '#!/usr/bin/env sh\n. "$(dirname "$0")/h"', 0o755);
        made.write(`.husky/${name}`, noting(name).split("\n")[1]!);
      }
      await made.git(["config", "core.hooksPath", ".husky/_"]);
      await made.git(["add", "-A"]);
      await made.git(["commit", "-q", "-m", "Husky"]);
    });
    const before = snapshot(join(linked.path, ".husky"));
    linked.session("s-1", ["a", "b"]);
    const ran = ranIn(linked);
    expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
    expect(ranIn(linked).slice(ran.length)).toBe("pre-commit 0\ncommit-msg 1\n");
    expect(await linked.git(["status", "--porcelain"])).toBe("");
    await linked.git(["config", "core.hooksPath", ".husky/_"]);
    expect((await statusOf(linked)).problems).toEqual([
      expect.stringMatching(/prepare-commit-msg, commit-msg, .*not ours/),
    ]);
    expect(await opened(linked, mendHooks)).toBe(true);
    expect((await linked.commit("b")).sessions).toEqual(["s-1"]);
    expect((await statusOf(linked)).hooks).toMatchObject({
      calls: join(linked.path, ".husky/_"),
      otherTools: ["husky"],
    });
    await disabled(linked);
    expect(await linked.git(["config", "core.hooksPath"])).toBe(".husky/_");
    expect(snapshot(join(linked.path, ".husky"))).toEqual(before);
  });

  it("in a folder that all repositories share are called, and nothing is written there", async () => {
    using linked = await LinkedRepository.make("plain", async (made) => {
      made.write("../shared hooks/post-commit", noting("post-commit"), 0o755);
      made.write("../global", "[core]\n\thooksPath = ~/shared hooks\n");
    });
    const env = {
      ...gitTestEnv,
      HOME: join(linked.path, ".."),
      GIT_CONFIG_GLOBAL: join(linked.path, "../global"),
    };
    await disabled(linked);
    await using repository = await openRepository({ cwd: linked.path, env });
    const { enable } = await import("./enable.ts");
    const { hookPrograms } = await import("../../../test/git/linked-repository.ts");
    await enable({ repository, programs: hookPrograms, settings: {}, scope: "local", dryRun: false });
    linked.session("s-1", ["a"]);
    await linked.stage("a");
    await linked.git(["commit", "-q", "-m", "A"], env);
    expect((await linked.trailers()).sessions).toEqual(["s-1"]);
    expect(ranIn(linked)).toBe("post-commit 0\n");
    await disable(repository, { forget: true });
    await expect(linked.git(["config", "--local", "core.hooksPath"])).rejects.toThrow("git config");
    expect(linked.hookFiles(join(linked.path, "../shared hooks"))).toEqual(["post-commit"]);
  });

  it("of the entire CLI stamp commits alone, whichever of both came first", async () => {
    const id = "a3b2c4d5e6f7";
    const entire = `#!/bin/sh\n# Entire CLI hooks\ngit interpret-trailers --in-place --trailer "Entire-Checkpoint: ${id}" "$1"\n`;
    using linked = await LinkedRepository.make("plain", (made) =>
      made.write(".git/hooks/prepare-commit-msg", entire, 0o755),
    );
    linked.session("s-1", ["a", "b"]);
    expect(await linked.commit("a")).toEqual({ checkpoints: [id], sessions: ["s-1"], inText: [id] });
    await disabled(linked);
    rmSync(join(linked.commonDir, "hooks/prepare-commit-msg"));
    await linked.enable();
    const path = join(linked.commonDir, "hooks/prepare-commit-msg");
    renameSync(path, `${path}.pre-entire`);
    const chained = `${entire}[ ! -x "$0.pre-entire" ] || exec "$0.pre-entire" "$@"\n`;
    linked.write(".git/hooks/prepare-commit-msg", chained, 0o755);
    linked.session("s-1", ["a", "b"]);
    expect(await linked.commit("b")).toEqual({ checkpoints: [id], sessions: ["s-1"], inText: [id] });
    const { hooks, problems } = await statusOf(linked);
    expect([hooks.otherTools, hooks.states["prepare-commit-msg"], problems]).toEqual([
      ["entire"],
      "through",
      [],
    ]);
    expect((await linked.enable()).changes).toEqual([]);
    expect((await linked.enable()).otherTools).toEqual(["entire"]);
    await disabled(linked);
    expect(linked.hookFiles()).toEqual(["prepare-commit-msg"]);
    expect(readFileSync(path, "utf8")).toBe(chained);
  });

  it("that took our place are never lost: disable leaves both, enable refuses where there is no room", async () => {
    using linked = await LinkedRepository.make("plain", (made) =>
      made.write(".git/hooks/commit-msg", noting("first"), 0o755),
    );
    const path = join(linked.commonDir, "hooks/commit-msg");
    writeFileSync(path, noting("second"), { mode: 0o755 });
    writeFileSync(`${path}.old`, noting("third"), { mode: 0o755 });
    await expect(linked.enable()).rejects.toThrow(
      /was replaced since, and both .* are kept beside it already/,
    );
    expect(await disabled(linked)).toMatchObject({ left: ["commit-msg.pre-holdfast"] });
    expect(linked.hookFiles()).toEqual(["commit-msg", "commit-msg.old", "commit-msg.pre-holdfast"]);
    expect(readFileSync(path, "utf8")).toBe(noting("second"));
  });

  it("do nothing in a clone where Holdfast is not, and take a commit's message as it is", async () => {
    using linked = await LinkedRepository.make("plain");
    linked.session("s-1", ["a"]);
    rmSync(join(linked.commonDir, "holdfast"), { recursive: true });
    expect((await linked.commit("a")).sessions).toEqual([]);
    mkdirSync(join(linked.commonDir, "holdfast"));
    expect((await linked.commit("b")).sessions).toEqual([]);
  });
});
