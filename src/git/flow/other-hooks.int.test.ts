import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { snapshot } from "../../../test/cli/home.ts";
import { hookPrograms, LinkedRepository } from "../../../test/git/linked-repository.ts";
import { gitTestEnv } from "../../../test/git/repositories.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import { disable } from "./disable.ts";
import { enable } from "./enable.ts";
import { hookNames } from "./hook-scripts.ts";

/** A hook that notes in a file that it ran, and with how many arguments. */
const noting = (name: string): string =>
  `#!/bin/sh\necho "${name} $#" >> "$(git rev-parse --git-common-dir)/ran"\n`;
const ran = (linked: LinkedRepository): string => readFileSync(join(linked.commonDir, "ran"), "utf8");

describe("hooks that are there already", () => {
  it("run first with their arguments and stdin, stop what they stopped, and come back as they were", async () => {
    let before: Record<string, string> = {};
    using linked = await LinkedRepository.make("plain", (made) => {
      for (const name of hookNames) made.write(`.git/hooks/${name}`, noting(name), 0o755);
      made.write(".git/hooks/pre-push", `${noting("pre-push")}cat >> .git/ran\n[ ! -f stop ]\n`, 0o755);
      made.write(".git/hooks/commit-msg", `${noting("commit-msg")}! grep -q WIP "$1"\n`, 0o755);
      before = made.traces();
    });
    linked.session("s-1", ["a", "b"]);
    expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
    expect(ran(linked)).toBe("prepare-commit-msg 2\ncommit-msg 1\npost-commit 0\n");
    await linked.stage("b");
    await expect(linked.git(["commit", "-q", "-m", "WIP"])).rejects.toThrow("git commit");
    await linked.git(["init", "-q", "--bare", join(linked.path, "../remote.git")]);
    await linked.git(["push", "-q", "../remote.git", "main"]);
    expect(ran(linked)).toMatch(/pre-push 2\nrefs\/heads\/main [0-9a-f]{40} refs\/heads\/main 0{40}\n$/);
    expect(linked.events().findLast(({ kind }) => kind === "pre-push")?.body).toMatch(/^refs\/heads\/main /);
    linked.write("stop", "");
    await expect(linked.git(["push", "-q", "../remote.git", "main:other"])).rejects.toThrow("git push");
    await linked.disable();
    for (const path of ["ran", "a", "b", "stop"]) delete before[path];
    const after = linked.traces();
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
    const { problems, hooks } = await linked.status();
    expect(hooks).toMatchObject({
      otherTools: ["lefthook"],
      states: { "prepare-commit-msg": "replaced", "commit-msg": "ours" },
    });
    expect(problems).toEqual([
      expect.stringMatching(
        /^The hooks prepare-commit-msg in .* are not ours any more: run holdfast git enable/,
      ),
    ]);
    expect(await linked.mend()).toBe(true);
    expect((await linked.commit("b")).sessions).toEqual(["s-1"]);
    expect(ran(linked)).toBe("pre-commit 0\nprepare-commit-msg 2\n".repeat(2));
    await linked.disable();
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
    const lengthBefore = ran(linked).length;
    expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
    expect(ran(linked).slice(lengthBefore)).toBe("pre-commit 0\ncommit-msg 1\n");
    expect(await linked.git(["status", "--porcelain"])).toBe("");
    await linked.git(["config", "core.hooksPath", ".husky/_"]);
    expect((await linked.status()).problems).toEqual([
      expect.stringMatching(/prepare-commit-msg, commit-msg, .*not ours/),
    ]);
    expect(await linked.mend()).toBe(true);
    expect((await linked.commit("b")).sessions).toEqual(["s-1"]);
    expect((await linked.status()).hooks).toMatchObject({
      calls: join(linked.path, ".husky/_"),
      otherTools: ["husky"],
    });
    await linked.disable();
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
    await linked.disable();
    await using repository = await openRepository({ cwd: linked.path, env });
    await enable({ repository, programs: hookPrograms, settings: {}, scope: "local", dryRun: false });
    linked.session("s-1", ["a"]);
    await linked.stage("a");
    await linked.git(["commit", "-q", "-m", "A"], env);
    expect((await linked.trailers()).sessions).toEqual(["s-1"]);
    expect(ran(linked)).toBe("post-commit 0\n");
    await disable(repository, { forget: true });
    await expect(linked.git(["config", "--local", "core.hooksPath"])).rejects.toThrow("git config");
    expect(linked.hookFiles(join(linked.path, "../shared hooks"))).toEqual(["post-commit"]);
  });

  it("are called again after the repository was moved, and come back with what core.hooksPath was", async () => {
    using linked = await LinkedRepository.make("plain", async (made) => {
      made.write("tools/hooks/commit-msg", noting("commit-msg"), 0o755);
      await made.git(["config", "core.hooksPath", "tools/hooks"]);
    });
    const chain = join(linked.commonDir, "holdfast/chain");
    // What a move leaves behind: the path of where it was.
    const dead = "/nonexistent/.git/holdfast/chain";
    await linked.git(["config", "core.hooksPath", dead]);
    expect((await linked.status()).problems).toEqual([
      `core.hooksPath points at ${dead}, where this repository was before it was moved: run holdfast git enable again.`,
    ]);
    await linked.enable();
    expect(await linked.git(["config", "core.hooksPath"])).toBe(chain);
    expect((await linked.status()).problems).toEqual([]);
    linked.session("s-1", ["a"]);
    expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
    expect(ran(linked)).toBe("commit-msg 1\n");
    await linked.git(["config", "core.hooksPath", dead]);
    await linked.disable();
    expect(await linked.git(["config", "core.hooksPath"])).toBe("tools/hooks");
  });

  it("in a folder of core.hooksPath are called though they came later, once the worker or enable saw them", async () => {
    using linked = await LinkedRepository.make("plain", async (made) => {
      made.write("tools/hooks/commit-msg", noting("commit-msg"), 0o755);
      await made.git(["config", "core.hooksPath", "tools/hooks"]);
    });
    expect((await linked.enable()).changes).toEqual([]);
    linked.write("tools/hooks/reference-transaction", noting("reference-transaction"), 0o755);
    expect((await linked.enable({ dryRun: true })).changes).toEqual([
      expect.stringMatching(/^core\.hooksPath/),
    ]);
    expect(await linked.mend()).toBe(true);
    expect(await linked.mend()).toBe(false);
    await linked.git(["update-ref", "refs/heads/new", "HEAD"]);
    expect(ran(linked)).toContain("reference-transaction 1\n");
  });

  it("in a tracked folder that .git/hooks is a link to are called, and nothing is written there", async () => {
    using linked = await LinkedRepository.make("plain", async (made) => {
      made.write("tools/hooks/commit-msg", noting("commit-msg"), 0o755);
      await made.git(["add", "-A"]);
      await made.git(["commit", "-q", "-m", "Hooks"]);
      rmSync(join(made.commonDir, "hooks"), { recursive: true });
      symlinkSync("../tools/hooks", join(made.commonDir, "hooks"));
    });
    expect(await linked.git(["status", "--porcelain"])).toBe("");
    expect((await linked.enable()).changes).toEqual([]);
    expect((await linked.status()).problems).toEqual([]);
    linked.session("s-1", ["a"]);
    expect((await linked.commit("a")).sessions).toEqual(["s-1"]);
    expect(ran(linked)).toBe("commit-msg 1\n");
    await linked.disable();
    await expect(linked.git(["config", "core.hooksPath"])).rejects.toThrow("git config");
    expect(linked.hookFiles()).toEqual(["commit-msg"]);
  });

  it("of the entire CLI stamp commits alone, whichever of both came first", async () => {
    const id = "a3b2c4d5e6f7";
    const entire = `#!/bin/sh\n# Entire CLI hooks\ngit interpret-trailers --in-place --trailer "Entire-Checkpoint: ${id}" "$1"\n`;
    using linked = await LinkedRepository.make("plain", (made) =>
      made.write(".git/hooks/prepare-commit-msg", entire, 0o755),
    );
    linked.session("s-1", ["a", "b"]);
    expect(await linked.commit("a")).toEqual({ checkpoints: [id], sessions: ["s-1"], inText: [id] });
    await linked.disable();
    rmSync(join(linked.commonDir, "hooks/prepare-commit-msg"));
    await linked.enable();
    const path = join(linked.commonDir, "hooks/prepare-commit-msg");
    renameSync(path, `${path}.pre-entire`);
    const chained = entire.replace(
      "git interpret",
      '[ ! -x "$0.pre-entire" ] || "$0.pre-entire" "$@"\ngit interpret',
    );
    linked.write(".git/hooks/prepare-commit-msg", chained, 0o755);
    linked.session("s-1", ["a", "b"]);
    expect(await linked.commit("b")).toEqual({ checkpoints: [id], sessions: ["s-1"], inText: [id] });
    const { hooks, problems } = await linked.status();
    expect([hooks.otherTools, hooks.states["prepare-commit-msg"], problems]).toEqual([
      ["entire"],
      "through",
      [],
    ]);
    expect((await linked.enable()).changes).toEqual([]);
    expect((await linked.enable()).otherTools).toEqual(["entire"]);
    await linked.disable();
    expect(linked.hookFiles()).toEqual(["prepare-commit-msg"]);
    expect(readFileSync(path, "utf8")).toBe(chained);
  });

  it("that took our place are never lost: disable leaves both, enable refuses where there is no room", async () => {
    using linked = await LinkedRepository.make("plain", (made) =>
      made.write(".git/hooks/commit-msg", noting("first"), 0o755),
    );
    const path = join(linked.commonDir, "hooks/commit-msg");
    writeFileSync(path, noting("second"), { mode: 0o755 });
    for (let at = 0; at < 10; at += 1)
      writeFileSync(`${path}.old${at === 0 ? "" : `.${at}`}`, noting(`old ${at}`));
    await expect(linked.enable()).rejects.toThrow(/was replaced since, and .* are kept beside it already/);
    expect(readFileSync(`${path}.pre-holdfast`, "utf8")).toBe(noting("first"));
    expect(await linked.disable()).toMatchObject({ left: ["commit-msg.pre-holdfast"] });
    expect(readFileSync(path, "utf8")).toBe(noting("second"));
    expect(readFileSync(`${path}.old`, "utf8")).toBe(noting("old 0"));
  });

  it("of which one took the other's place are both kept, though they are links, large, or of one tool", async () => {
    const large = (name: string): string => `${noting(name)}#${"x".repeat(1 << 20)}\n`;
    const put = (made: LinkedRepository, which: string): void => {
      const hooks = join(made.commonDir, "hooks");
      for (const name of ["commit-msg", "pre-push", "post-commit", "post-rewrite"])
        rmSync(join(hooks, name), { force: true });
      made.write(`tools/${which}`, noting(which), 0o755);
      symlinkSync(join(made.path, "tools", which), join(hooks, "commit-msg"));
      made.write(".git/hooks/pre-push", large(which), 0o755);
      made.write(".git/hooks/post-commit", `${noting(which)}# not by husky\n`, 0o755);
      made.write(".git/hooks/post-rewrite", noting("the same"), 0o755);
    };
    using linked = await LinkedRepository.make("plain", (made) => put(made, "first"));
    put(linked, "second");
    await linked.enable();
    put(linked, "third");
    await linked.enable();
    const kept = (file: string): string => readFileSync(join(linked.commonDir, "hooks", file), "utf8");
    for (const [suffix, which] of [
      [".old", "first"],
      [".old.1", "second"],
      [".pre-holdfast", "third"],
    ] as const) {
      expect(kept(`commit-msg${suffix}`)).toBe(noting(which));
      expect(kept(`pre-push${suffix}`)).toBe(large(which));
      expect(kept(`post-commit${suffix}`)).toBe(`${noting(which)}# not by husky\n`);
    }
    expect(linked.hookFiles().filter((name) => name.startsWith("post-rewrite."))).toEqual([
      "post-rewrite.pre-holdfast",
    ]);
    put(linked, "fourth");
    expect((await linked.disable()).left).toEqual([
      "commit-msg.pre-holdfast",
      "post-commit.pre-holdfast",
      "pre-push.pre-holdfast",
    ]);
    expect(kept("commit-msg.pre-holdfast")).toBe(noting("third"));
    expect(kept("pre-push.pre-holdfast")).toBe(large("third"));
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
