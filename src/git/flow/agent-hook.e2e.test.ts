import { appendFileSync, existsSync, readFileSync, rmSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeAgent, type Fired } from "../../../test/git/fake-agent.ts";
import { LinkedRepository } from "../../../test/git/linked-repository.ts";
import { lastFailures } from "./hook-log.ts";
import { fieldOf } from "./spool.ts";

const quiet: Fired = { code: 0, stdout: "", stderr: "" };
let linked: LinkedRepository;
let home: string;
beforeEach(async () => {
  linked = await LinkedRepository.make();
  home = join(linked.path, "../home");
});
afterEach(() => linked[Symbol.dispose]());

const stateOf = (agent: FakeAgent) => linked.sessions.read(agent.sessionId)!;

describe("an agent", () => {
  it("that is asked, writes files, and stops, has its commit linked, and is never spoken to", async () => {
    const agent = new FakeAgent({ worktree: linked.path, home });
    linked.write("human.txt", "not the agent's\n");
    expect(await agent.start()).toEqual([quiet]);
    expect(stateOf(agent)).toMatchObject({
      phase: "idle",
      branch: "main",
      worktree: "@",
      model: "claude-test",
    });
    expect(await agent.prompt("Write a; the password=hunter22 is secret")).toEqual([quiet]);
    expect(stateOf(agent)).toMatchObject({
      phase: "active",
      prompts: ["Write a; the password=REDACTED is secret"],
      turnId: expect.stringMatching(/^[0-9a-f]{12}$/),
      dirtyBefore: ["human.txt"],
    });
    agent.edit("a", "1\n");
    agent.edit("../outside", "x\n");
    agent.edit(".git/evil", "x\n");
    linked.write("by a shell", "2\n");
    expect(await agent.task("look around")).toEqual([quiet, quiet]);
    expect(await agent.stop()).toEqual([quiet]);
    expect(stateOf(agent)).toMatchObject({
      phase: "idle",
      filesTouched: ["a", "by a shell"],
      tasks: [
        {
          agentId: "a1b2c3",
          subagentType: "explorer",
          description: "look around",
          completedAtMs: expect.any(Number),
        },
      ],
    });
    expect(linked.events().map((event) => fieldOf(event, "verb"))).toEqual(["stop"]);
    await linked.git(["add", "-A"]);
    await linked.git(["commit", "-q", "-m", "By a person"]);
    expect((await linked.trailers()).sessions).toEqual([agent.sessionId]);
    expect(await agent.end()).toEqual([quiet]);
    expect(stateOf(agent)).toMatchObject({ phase: "ended", endedAtMs: expect.any(Number) });
    expect(lastFailures(linked.commonDir, 9)).toEqual([]);
  });

  it("goes on with the part of its transcript that is new, and with another one when that was rewritten", async () => {
    const agent = new FakeAgent({ worktree: linked.path, home });
    await agent.turn("One", { a: "1\n" });
    const first = stateOf(agent).scannedBytes;
    appendFileSync(agent.transcript, '{"half a li');
    await agent.stop();
    expect(stateOf(agent).scannedBytes).toBeGreaterThan(first);
    truncateSync(agent.transcript, 0);
    await agent.turn("Two", { "deep/b": "2\n" });
    expect(stateOf(agent)).toMatchObject({ filesTouched: ["a", "deep/b"], promptCount: 2 });
  });

  it("in a linked worktree is linked there, and not in the main one", async () => {
    const path = join(linked.path, "../second");
    await linked.git(["worktree", "add", "-q", "-b", "second", path]);
    await linked.enable({ scope: "shared" });
    const agent = new FakeAgent({
      worktree: path,
      home,
      env: { PATH: `${join(linked.commonDir, "holdfast/bin")}:${process.env["PATH"]}` },
    });
    await linked.git(["-C", path, "config", "user.name", "x"]);
    const settings = join(path, ".claude/settings.json");
    expect(existsSync(settings)).toBe(false);
    symlinkSync(join(linked.path, ".claude"), join(path, ".claude"));
    rmSync(join(linked.path, ".claude/settings.local.json"));
    await agent.turn("One", { a: "1\n" });
    expect(stateOf(agent)).toMatchObject({ worktree: "second", worktreePath: path, branch: "second" });
    expect((await linked.commit("a")).sessions).toEqual([]);
    await linked.git(["-C", path, "add", "a"]);
    await linked.git(["-C", path, "commit", "-q", "-m", "There"]);
    expect((await linked.trailers("second")).sessions).toEqual([agent.sessionId]);
  });

  it("that was killed in its turn is told of in the log when it starts again", async () => {
    const agent = new FakeAgent({ worktree: linked.path, home });
    await agent.prompt("One");
    await agent.start("resume");
    expect(lastFailures(linked.commonDir, 9)).toEqual([
      expect.stringContaining(`${agent.sessionId} was never stopped`),
    ]);
  });

  it("that sends what makes no sense is answered as ever, and the log tells", async () => {
    const hostile = new FakeAgent({ worktree: linked.path, home, sessionId: "s" });
    expect(await hostile.fire("Stop", { session_id: "../../evil" })).toEqual([quiet]);
    expect(await hostile.fire("Stop", { session_id: 7 })).toEqual([quiet]);
    expect(
      await hostile.fire("UserPromptSubmit", { transcript_path: "/dev/zero", prompt: { not: "text" } }),
    ).toEqual([quiet]);
    expect(await hostile.fire("Stop", { transcript_path: "/nonexistent", cwd: 3 })).toEqual([quiet]);
    expect(await hostile.fire("Stop", { pad: "x".repeat(17 << 20) })).toEqual([quiet]);
    expect(lastFailures(linked.commonDir, 9)).toEqual([
      expect.stringContaining("stop: The agent's session_id cannot be the name of a file."),
      expect.stringContaining("stop: The agent's session_id cannot be the name of a file."),
      expect.stringContaining("stop: transcript: ENOENT"),
      expect.stringContaining("no JSON object of at most 16 MiB"),
    ]);
    expect(existsSync(join(linked.commonDir, "holdfast/sessions/../../evil.json"))).toBe(false);
    expect(readFileSync(join(linked.commonDir, "holdfast/linkable"), "utf8")).not.toContain("evil");
  });
});
