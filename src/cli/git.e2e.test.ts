import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeAgent } from "../../test/git/fake-agent.ts";
import { gitTestEnv, runTestGit } from "../../test/git/repositories.ts";
import { Home } from "../../test/cli/home.ts";
import { kernelLock } from "../git/flow/kernel-lock.ts";

let home: Home;
beforeEach(async () => {
  home = new Home();
  await runTestGit(home.folder, ["init", "-q", "-b", "main", "."]);
});
afterEach(() => home[Symbol.dispose]());

const git = (...args: readonly string[]): Promise<string> =>
  runTestGit(home.folder, args, { ...gitTestEnv, HOME: home.folder });

describe("holdfast git", () => {
  it("links the commit of a session, tells what waits, and goes away", async () => {
    expect((await home.run(["git", "status"])).stdout).toMatch(/^enabled +no: run holdfast git enable\n/);
    expect(await home.run(["git", "enable", "--json"])).toMatchObject({ code: 0, stderr: "" });
    const agent = new FakeAgent({ worktree: home.folder, home: home.folder });
    await agent.turn("Write it", { "src/a.ts": "1\n" });
    await git("add", "src");
    await git("commit", "-q", "-m", "A");
    expect(await git("log", "-1", "--format=%(trailers:key=Agent-Session,valueonly,separator=)")).toBe(
      agent.sessionId,
    );
    // The worker that the hooks started has let go of the repository.
    kernelLock(join(home.folder, ".git/holdfast/worker.lock"), { waitMs: 10_000 })?.[Symbol.dispose]();
    const { code, stdout } = await home.run(["git", "status", "--json"]);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      {
        schemaVersion: 1,
        enabled: true,
        settings: { layout: "git-refs", mirrors: [] },
        sessions: { idle: 1 },
        problems: [],
        errors: [],
      },
    ]);
    expect(await home.run(["git", "disable", "--force"])).toMatchObject({ code: 0 });
    // One that a hook had started and that comes only now.
    expect(await home.run(["git", "work"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^0 events done/),
    });
    expect(existsSync(join(home.folder, ".git/holdfast"))).toBe(false);
    expect(await git("status", "--porcelain", "src", ".git")).toBe("");
  });

  it("refuses what cannot be, with the next step, and changes nothing", async () => {
    expect(await home.run(["git", "enable", "--layout", "svn"])).toMatchObject({
      code: 2,
      stderr: 'holdfast: There is no layout "svn". Name git-refs, git-branch, v2, each once.\n',
    });
    expect(
      await home.run(["git", "enable", "--layout", "git-refs", "--mirror", "git-branch,v2"]),
    ).toMatchObject({ code: 2 });
    const outside = new Home();
    try {
      expect(await outside.run(["git", "status"])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining("lies in no git repository"),
      });
    } finally {
      outside[Symbol.dispose]();
    }
    expect((await home.run(["git", "status"])).stdout).toMatch(/^enabled +no/);
  });

  it("hook succeeds whatever it is told, and says nothing", async () => {
    for (const words of [
      ["claude-code", "stop"],
      ["claude-code", "no-such-verb"],
      ["other", "stop"],
      ["inherited", "reset", "/nonexistent"],
    ])
      expect(await home.run(["git", "hook", ...words])).toEqual({ code: 0, stdout: "", stderr: "" });
  });
});
