import { existsSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { LinkedRepository } from "../../../test/git/linked-repository.ts";
import { gitTestEnv } from "../../../test/git/repositories.ts";
import { BehindNotes } from "../behind.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import { PushQueue } from "../push/queue.ts";
import { disable } from "./disable.ts";
import { flowPaths } from "./flow-paths.ts";
import { hookNames } from "./hook-scripts.ts";
import { kernelLock } from "./kernel-lock.ts";
import { Spool } from "./spool.ts";

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
      expect((await linked.status()).problems).toEqual([]);
      await linked.fsckClean();
    },
  );

  it.each([
    ["with settings of Claude Code", '{\n    "permissions": {"allow": ["Bash(ls)"]},\n    "n": 1.0\n}\n'],
    ["with settings that are empty", "{}"],
    ["with hooks that are empty", '{"hooks": {},\n"n": 1}'],
    ["with hooks of an event that are empty", '{"hooks":{"Stop":[]}}\n'],
    ["without", undefined],
  ])("again changes nothing, and is undone without a trace, %s", async (_, settings) => {
    let before: Record<string, string> = {};
    using linked = await LinkedRepository.make("plain", (made) => {
      if (settings !== undefined) made.write(".claude/settings.local.json", settings);
      before = made.traces();
    });
    expect(await linked.git(["status", "--porcelain"])).toBe(settings === undefined ? "" : "?? .claude/");
    const after = linked.traces();
    expect((await linked.enable()).changes).toEqual([]);
    expect(linked.traces()).toEqual(after);
    expect(await linked.disable()).toMatchObject({ left: [], pending: 0, unpushed: 0 });
    expect(linked.traces()).toEqual(before);
  });

  it("tells which mirrors are behind and what waits to be pushed, makes nothing by looking, and keeps what nobody could do", async () => {
    using linked = await LinkedRepository.make("plain");
    const before = linked.traces();
    expect(await linked.status()).toMatchObject({ behind: [], unpushed: 0 });
    expect(linked.traces()).toEqual(before);
    const notes = new BehindNotes(linked.commonDir);
    for (const id of ["a3b2c4d5e6f7", "a3b2c4d5e6f8"])
      await (await notes.begin({ layout: "git-branch", id, what: "write" })).failed("The disk is full.");
    await new PushQueue(linked.commonDir).add([refOfCheckpoint("a3b2c4d5e6f7")]);
    expect(await linked.status()).toMatchObject({
      behind: [{ layout: "git-branch", checkpoints: 2, reason: "The disk is full." }],
      unpushed: 1,
    });
    const spool = new Spool(linked);
    const name = spool.add({ kind: "work", fields: [], body: "" });
    spool.setAside(name, "Nobody could do it.");
    await using repository = await openRepository({ cwd: linked.path, env: gitTestEnv });
    expect(await disable(repository, { forget: false })).toMatchObject({ pending: 1, unpushed: 1 });
    expect(spool.aside()).toHaveLength(1);
    expect(await linked.disable()).toMatchObject({ pending: 0, unpushed: 1 });
    expect(spool.aside()).toEqual([]);
  });

  it("tells when no hook can work any more, and mends it when it is run again", async () => {
    using linked = await LinkedRepository.make("plain");
    const settings = ".claude/settings.local.json";
    // As after the repository was moved, and node and Holdfast were installed elsewhere.
    linked.write(settings, linked.read(settings)!.replaceAll(linked.commonDir, "/where/it/was/.git"));
    await linked.enable({
      scope: "shared",
      programs: { node: "/gone's/node", program: "/gone/holdfast.js", hook: "" },
    });
    expect(await linked.status()).toMatchObject({
      agent: ["local", "shared"],
      agentStale: ["local"],
      problems: [
        `The hooks of Claude Code in ${settings} are not those of this repository: run holdfast git enable again.`,
        "The hooks start /gone's/node, which is not there any more: run holdfast git enable again.",
        "The hooks start /gone/holdfast.js, which is not there any more: run holdfast git enable again.",
      ],
    });
    await linked.enable();
    expect((await linked.status()).problems).toEqual([]);
  });

  it("has Claude Code call us by one settings file alone, whichever was first, where it finds what the shared one calls", async () => {
    using linked = await LinkedRepository.make("plain");
    linked.write("../bin/holdfast", "#!/bin/sh\n", 0o755);
    const found = { searchPath: join(linked.path, "../bin") };
    const before = linked.traces();
    const both = `Claude Code calls us by both .claude/settings.local.json and .claude/settings.json: run holdfast git enable again.`;
    const calling = async (): Promise<unknown> => {
      const { agent, isAgentTwice, problems } = await linked.status(found);
      return { agent, isAgentTwice, problems };
    };
    // Whoever has it in no such folder needs the hooks of this machine.
    for (const searchPath of ["", join(linked.path, "../node_modules/.bin")]) {
      linked.write("../node_modules/.bin/holdfast", "#!/bin/sh\n", 0o755);
      await linked.enable({ scope: "shared", searchPath });
      expect(await linked.status({ searchPath })).toMatchObject({ agent: ["local", "shared"], problems: [] });
      expect((await linked.enable({ searchPath })).changes).toEqual([]);
    }
    expect(await calling()).toEqual({ agent: ["local", "shared"], isAgentTwice: true, problems: [both] });
    await linked.enable(found);
    expect(await calling()).toEqual({ agent: ["shared"], isAgentTwice: false, problems: [] });
    expect((await linked.enable(found)).changes).toEqual([]);
    rmSync(join(linked.path, ".claude/settings.json"));
    await linked.enable(found);
    expect(linked.traces()).toEqual(before);
    await linked.enable({ scope: "shared", ...found });
    expect(await calling()).toEqual({ agent: ["shared"], isAgentTwice: false, problems: [] });
  });

  it("brings hooks of an earlier version up to date", async () => {
    using linked = await LinkedRepository.make("plain");
    const after = linked.traces();
    const path = join(linked.commonDir, "hooks/commit-msg");
    writeFileSync(path, `${readFileSync(path, "utf8")}# as it once was\n`);
    expect((await linked.enable()).changes).toEqual([`hooks of git in ${join(linked.commonDir, "hooks")}`]);
    expect(linked.traces()).toEqual(after);
  });

  it("only says what it would do, where nothing is to be changed", async () => {
    let before: Record<string, string> = {};
    using linked = await LinkedRepository.make("plain");
    await linked.disable();
    before = linked.traces();
    const { changes } = await linked.enable({ dryRun: true, settings: { layout: "v2" } });
    expect(changes).toContain("settings: v2");
    expect(changes).toHaveLength(hookNames.length + 4);
    expect(linked.traces()).toEqual(before);
  });

  it("leaves no file of its own for others to commit, in any worktree", async () => {
    using linked = await LinkedRepository.make("worktree");
    expect(await linked.git(["status", "--porcelain", "-uall"])).toBe("");
    await linked.disable();
    expect(existsSync(join(linked.path, ".claude"))).toBe(false);
    expect(await linked.git(["config", "--get-regexp", "holdfast"]).catch(() => "none")).toBe("none");
  });

  it.each([
    [{ layout: "git-refs", mirrors: ["git-branch"] }, /ULIDs, which the mirror git-branch does not take/],
    [{ layout: "v2", mirrors: ["v2"] }, /its own mirror/],
    [{ layout: "git-branch", mirrors: ["v2", "v2"] }, /named twice/],
  ] as const)("refuses %j and changes nothing", async (settings, message) => {
    using linked = await LinkedRepository.make("plain");
    const before = linked.traces();
    await expect(linked.enable({ settings })).rejects.toThrow(message);
    expect(linked.traces()).toEqual(before);
  });

  it("refuses settings of Claude Code that are no JSON, and changes nothing", async () => {
    using linked = await LinkedRepository.make("plain");
    await linked.disable();
    linked.write(".claude/settings.local.json", "{ // a comment\n}\n");
    const before = linked.traces();
    await expect(linked.enable()).rejects.toThrow(/settings\.local\.json is no JSON, and is left as it is/);
    expect(linked.traces()).toEqual(before);
  });

  it.each(["link", "large file"] as const)(
    "never changes an info/exclude that is a %s, and says so",
    async (kind) => {
      const large = `${"# theirs\n".repeat(500_000)}build/\n`;
      using linked = await LinkedRepository.make("plain");
      await linked.disable();
      const path = join(linked.commonDir, "info/exclude");
      linked.write("../dotfiles", kind === "link" ? "*.log\n" : large);
      rmSync(path, { force: true });
      if (kind === "link") symlinkSync(join(linked.path, "../dotfiles"), path);
      else linked.write(".git/info/exclude", large);
      expect((await linked.enable()).skipped).toEqual([
        expect.stringMatching(/info\/exclude .* left as it is/),
      ]);
      expect(readFileSync(path, "utf8")).toBe(kind === "link" ? "*.log\n" : large);
      expect(linked.read(".claude/settings.local.json")).toBeDefined();
      expect((await linked.disable()).skipped).toEqual([expect.stringContaining("info/exclude")]);
      expect(readFileSync(path, "utf8")).toBe(kind === "link" ? "*.log\n" : large);
      expect(linked.hookFiles()).toEqual([]);
    },
  );

  it("is undone but for the settings that a user made, and for the layout while work waits", async () => {
    const own = { push: "false", remote: "private", transcript: "whole", ulidmirrors: "true" };
    let before: Record<string, string> = {};
    using linked = await LinkedRepository.make("plain", async (made) => {
      for (const [key, value] of Object.entries(own)) await made.git(["config", `holdfast.${key}`, value]);
      before = made.traces();
    });
    const spool = new Spool(linked);
    spool.setAside(spool.add({ kind: "work", fields: [], body: "" }), "Nobody could do it.");
    const settings = { layout: "git-branch", mirrors: ["git-refs", "v2"] } as const;
    await linked.enable({ settings });
    await using repository = await openRepository({ cwd: linked.path, env: gitTestEnv });
    expect(await disable(repository, { forget: false })).toMatchObject({ pending: 1 });
    expect((await linked.enable()).settings).toEqual(settings);
    await linked.disable();
    expect(linked.traces()).toEqual(before);
  });

  it("is undone but for the folder that a worker is at, which would make it anew", async () => {
    using linked = await LinkedRepository.make("plain");
    const { root, workerLock, launcher, spool } = flowPaths(linked.commonDir);
    linked.session("s-1", ["a"]);
    await linked.commit("a");
    {
      using _ = kernelLock(workerLock, { waitMs: 0 })!;
      expect(await linked.disable(0)).toMatchObject({
        pending: 0,
        skipped: [`${root} is kept, because a worker is at it: run holdfast git disable again.`],
      });
    }
    expect([launcher, spool, root].map((path) => existsSync(path))).toEqual([false, false, true]);
    expect(linked.hookFiles()).toEqual([]);
    expect(await linked.disable()).toMatchObject({ skipped: [] });
    expect(existsSync(root)).toBe(false);
  });

  it("is undone for git's hooks though a settings file is a link, which is told and not followed", async () => {
    using linked = await LinkedRepository.make("plain");
    const path = join(linked.path, ".claude/settings.local.json");
    const elsewhere = join(linked.path, "../dotfiles.json");
    renameSync(path, elsewhere);
    symlinkSync(elsewhere, path);
    const before = readFileSync(elsewhere, "utf8");
    expect((await linked.status()).agent).toEqual([]);
    expect(await linked.disable()).toMatchObject({
      settings: [],
      skipped: [expect.stringMatching(/settings\.local\.json is no file that can be changed/)],
    });
    expect(readFileSync(elsewhere, "utf8")).toBe(before);
    expect(linked.hookFiles()).toEqual([]);
    expect(existsSync(join(linked.commonDir, "holdfast"))).toBe(false);
  });
});
