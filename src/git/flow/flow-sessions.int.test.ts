import { randomBytes } from "node:crypto";
import { rmSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FlowRepository, layoutsFor } from "../../../test/git/flow-repository.ts";
import type { Layout } from "../checkpoint-store.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import { gitTestEnv } from "../../../test/git/repositories.ts";
import { handleAgentHook } from "./agent-hook.ts";
import { openFlow } from "./flow-worker.ts";
import { placeOf } from "./place.ts";
import { Spool } from "./spool.ts";
import { mostAttempts } from "./worker.ts";

const flows: FlowRepository[] = [];
afterEach(async () => {
  for (const flow of flows.splice(0)) {
    await flow.linked.fsckClean();
    flow[Symbol.dispose]();
  }
});

async function make(...params: Parameters<typeof FlowRepository.make>): Promise<FlowRepository> {
  const flow = await FlowRepository.make(...params);
  flows.push(flow);
  return flow;
}

let scenarios = 0;
function scenario(title: string, play: (flow: FlowRepository, layout: Layout) => Promise<void>): void {
  it.each(layoutsFor(scenarios++))(`${title} (%s)`, async (layout) => {
    const flow = await make(layout);
    await play(flow, layout);
    expect(flow.log).toBe("");
  });
}

const usedIn = (metadata: Readonly<Record<string, unknown>>): unknown =>
  (metadata["token_usage"] as { readonly api_call_count: number } | undefined)?.api_call_count;

describe("a session", () => {
  it("has a prompt once that two settings files tell of, and each time that it is given", async () => {
    const flow = await make("git-refs");
    const agent = flow.agent("s-1");
    const params = { agent: "claude-code", place: placeOf(flow.path)!, parent: 1 } as const;
    let atMs = Date.now();
    const tell = (verb: "user-prompt-submit" | "stop"): number => {
      const input = { session_id: "s-1", transcript_path: agent.transcript, prompt: "Go on" };
      handleAgentHook({ ...params, verb, input, now: () => atMs });
      return flow.linked.sessions.read("s-1")!.promptCount;
    };
    // The first is told before there is a transcript.
    expect([tell("user-prompt-submit"), tell("user-prompt-submit")]).toEqual([1, 1]);
    const { turnId } = flow.linked.sessions.read("s-1")!;
    agent.write({ type: "user", message: { role: "user", content: "Go on" } });
    expect([tell("user-prompt-submit"), tell("user-prompt-submit")]).toEqual([2, 2]);
    expect(flow.linked.sessions.read("s-1")!.turnId).not.toBe(turnId);
    tell("stop");
    expect([tell("user-prompt-submit"), tell("user-prompt-submit")]).toEqual([3, 3]);
    atMs += 2_001;
    expect(tell("user-prompt-submit")).toBe(4);
  });

  scenario("has its subagents with their transcripts, redacted as everything is", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.prompt("Look around, and write a");
    const random = `qW3eR5tY${"7uI9oP1aS2dF4gH6jK8lZ"}xCvBnM`;
    await agent.task(`Look for password=hunter22 and ${random}`);
    const secret = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz0123456789";
    const picture = Buffer.concat([Buffer.from("89504e470d0a1a0a0000000d", "hex"), randomBytes(300)]);
    const source = { type: "base64", media_type: "image/png", data: picture.toString("base64") };
    const content = [
      { type: "text", text: secret },
      { type: "image", source },
    ];
    const line = { type: "assistant", message: { id: "m", role: "assistant", content } };
    writeFileSync(join(dirname(agent.transcript), "agent-a1b2c3.jsonl"), `${JSON.stringify(line)}\n`);
    agent.edit("a.txt", "The first line of a\n");
    await agent.stop();
    const [id] = await flow.commit("Add a");
    await flow.work();
    const { stored } = (await flow.see(id))!;
    const [task] = stored.tasks;
    expect(stored.tasks).toHaveLength(1);
    expect(task!.task.text("subagent_type")).toBe("explorer");
    expect(task!.task.text("task_description")).toBe("Look for password=REDACTED and REDACTED");
    expect(task!.task.text("completed_at")).toMatch(/^\d{4}-/);
    expect(task!.transcripts.map(({ name }) => name)).toEqual(["agent-a1b2c3.jsonl"]);
    const text = await flow.git("cat-file", "-p", task!.transcripts[0]!.id);
    expect([text.includes("m"), text.includes(secret)]).toEqual([true, false]);
    expect(text).toContain(source.data);
    expect(flow.linked.sessions.read("s-1")!.tasks).toEqual([]);
  });

  scenario("that is resumed after weeks goes on, and counts no token twice", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.commit("Add a");
    await flow.work();
    // What was known of it is forgotten after seven days.
    await flow.work({ now: () => Date.now() + 8 * 86_400_000 });
    expect(flow.linked.sessions.read("s-1")).toBeUndefined();
    await agent.start("resume");
    await agent.turn("Now b", { "b.txt": "The first line of b\n" });
    const [id] = await flow.commit("Add b");
    await flow.work();
    const [session] = (await flow.see(id))!.sessions;
    expect(session!.metadata).toMatchObject({ checkpoint_transcript_start: 3, files_touched: ["b.txt"] });
    expect([session!.prompt, usedIn(session!.metadata)]).toEqual(["Now b", 2]);
  });

  scenario(
    "whose transcript was written anew goes on behind the last line that is still there",
    async (flow) => {
      const agent = flow.agent("s-1");
      await agent.turn("Write a", { "a.txt": "The first line of a\n" });
      const [first] = await flow.commit("Add a");
      await flow.work();
      const lines = readFileSync(agent.transcript, "utf8").split("\n");
      // The last line of the first part stays, in another place.
      writeFileSync(
        agent.transcript,
        [JSON.stringify({ type: "summary", summary: "Wrote a" }), ...lines.slice(2)].join("\n"),
      );
      await agent.turn("Now b", { "b.txt": "The first line of b\n" });
      const [second] = await flow.commit("Add b");
      await flow.work();
      const [session] = (await flow.see(second))!.sessions;
      expect(session!.transcript.split("\n")).toHaveLength(5);
      expect(session!.metadata).toMatchObject({ checkpoint_transcript_start: 2 });
      expect(usedIn(session!.metadata)).toBe(2);
      expect((await flow.see(first))!.sessions[0]!.transcript.split("\n")).toHaveLength(3);
    },
  );

  scenario("whose transcript holds nothing of before goes on by time", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.commit("Add a");
    await flow.work();
    writeFileSync(agent.transcript, "");
    agent.write({ type: "summary", summary: "Wrote a", timestamp: "2020-01-01T00:00:00.000Z" });
    await agent.turn("Now b", { "b.txt": "The first line of b\n" });
    const [id] = await flow.commit("Add b");
    await flow.work();
    const [session] = (await flow.see(id))!.sessions;
    expect(session!.metadata).toMatchObject({ checkpoint_transcript_start: 1 });
    expect(usedIn(session!.metadata)).toBe(2);
  });

  it("whose transcript is gone has a checkpoint all the same, and that is told", async () => {
    const flow = await make("git-refs");
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    rmSync(agent.transcript);
    const [id] = await flow.commit("Add a");
    expect(await flow.work()).toMatchObject({ failed: 0 });
    const [session] = (await flow.see(id))!.sessions;
    expect([session!.prompt, session!.transcript]).toEqual(["Write a", ""]);
    expect(session!.metadata["files_touched"]).toEqual(["a.txt"]);
    expect(flow.log).toContain("transcript of s-1");
  });

  scenario("that ends in the middle of a turn completes what it made", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.prompt("Write a");
    agent.edit("a.txt", "The first line of a\n");
    await flow.git("add", "a.txt");
    await flow.linked.git(["commit", "-qm", "Add a"], { CLAUDECODE: "1" });
    const [id] = (await flow.linked.trailers()).checkpoints;
    agent.says([{ type: "text", text: "And now I am interrupted." }]);
    await agent.end();
    await flow.work();
    const [session] = (await flow.see(id))!.sessions;
    expect(session!.transcript).toContain("And now I am interrupted.");
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ phase: "ended", turnCheckpoints: [] });
  });

  it.each([
    ["codex", "Codex", codexLines],
    ["cursor", "Cursor", cursorLines],
  ])("of %s is condensed as those of Claude Code are", async (agent, name, linesOf) => {
    const flow = await make("git-refs");
    const path = join(flow.home, "transcript.jsonl");
    writeFileSync(
      path,
      linesOf(join(flow.path, "a.txt"))
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(""),
    );
    flow.linked.session("s-1", [], {
      agent,
      transcriptPath: path,
      phase: "active",
      prompts: ["Write a"],
      promptCount: 1,
    });
    flow.linked.write("a.txt", "The first line of a\n");
    await flow.git("add", "a.txt");
    await flow.linked.git(["commit", "-qm", "Add a"], { CLAUDECODE: "1" });
    await flow.work();
    const [session] = (await flow.see((await flow.linked.trailers()).checkpoints[0]))!.sessions;
    expect(session!.metadata).toMatchObject({ agent: name, files_touched: ["a.txt"] });
    expect(JSON.parse(session!.compact!.split("\n")[0]!)).toMatchObject({ agent, type: "user" });
    expect(flow.log).toBe("");
  });
});

function codexLines(file: string): readonly object[] {
  const patch = `*** Begin Patch\n*** Add File: ${file}\n+The first line of a\n*** End Patch`;
  const item = (payload: object) => ({
    timestamp: "2026-01-01T00:00:00.000Z",
    type: "response_item",
    payload,
  });
  return [
    item({ type: "message", role: "user", content: [{ type: "input_text", text: "Write a" }] }),
    item({ type: "custom_tool_call", call_id: "c", name: "apply_patch", input: patch }),
  ];
}

function cursorLines(file: string): readonly object[] {
  const call = { type: "tool_use", name: "Write", input: { path: file, contents: "The first line of a\n" } };
  return [
    { role: "user", message: { content: [{ type: "text", text: "Write a" }] } },
    { role: "assistant", message: { content: [call] } },
  ];
}

describe("mirrors", () => {
  it("hold what the primary does, and one that failed is healed", async () => {
    const flow = await make("git-branch", { mirrors: ["git-refs", "v2"] });
    const agent = flow.agent("s-1");
    // A ref in the way of all of v2's.
    await flow.git("update-ref", "refs/entire/checkpoints/v2", "HEAD");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    expect(await flow.work()).toMatchObject({ done: 2, failed: 0 });
    expect((await flow.see(id))!.sessions).toHaveLength(1);
    expect(await flow.git("rev-parse", "--verify", `refs/entire/checkpoints/${id!.slice(-2)}/${id}`)).toMatch(
      /^\w+$/,
    );
    expect(flow.log).toContain(`mirror v2: ${id}`);
    await flow.git("update-ref", "-d", "refs/entire/checkpoints/v2");
    await flow.work();
    expect(await flow.git("rev-parse", "--verify", "refs/entire/checkpoints/v2/main")).toMatch(/^\w+$/);
    await using repository = await openRepository({ cwd: flow.path, env: gitTestEnv });
    const { store } = await openFlow({ repository, cliVersion: "holdfast/test" });
    expect(await store.behind()).toEqual([]);
  });
});

describe("a fault that lasts", () => {
  it("costs no checkpoint: status tells of it, and what waited or was set aside is done when it is mended", async () => {
    const flow = await make("git-refs");
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const inTheWay = join(flow.linked.commonDir, "refs/entire");
    writeFileSync(inTheWay, "");
    const [a] = await flow.commit("Add a");
    for (let at = 0; at < mostAttempts; at += 1)
      expect(await flow.work()).toMatchObject({ failed: 1, aside: 0 });
    const waiting = await flow.linked.status();
    expect(waiting.spool).toMatchObject({ pending: 1, failing: [{ reason: expect.any(String) }], aside: [] });
    expect(waiting.problems).toContainEqual(
      expect.stringMatching(/tried again later \(events: 1\): .*refs\/entire.* holdfast git work --retry$/),
    );
    rmSync(inTheWay);
    const [name] = new Spool(flow.linked).names();
    new Spool(flow.linked).setAside(name!, "It was set aside.");
    await agent.turn("Write b", { "b.txt": "The first line of b\n" });
    const [b] = await flow.commit("Add b");
    await flow.work();
    expect((await flow.linked.status()).problems).toContainEqual(
      "Not done, and not tried any more (events: 1): It was set aside. To try now: holdfast git work --retry",
    );
    expect(await flow.work({ isRetry: true })).toMatchObject({ done: 1, failed: 0, aside: 0 });
    expect((await flow.linked.status()).problems.join()).not.toContain("--retry");
    const [ofA, ofB] = [(await flow.see(a))!.sessions[0]!, (await flow.see(b))!.sessions[0]!];
    expect([ofA.metadata["files_touched"], ofB.metadata["files_touched"]]).toEqual([["a.txt"], ["b.txt"]]);
    expect([ofA.prompt ?? "", ofB.prompt]).toEqual(["", "Write a\n\n---\n\nWrite b"]);
    // Nothing is counted twice, now or in what comes next.
    expect([usedIn(ofA.metadata), usedIn(ofB.metadata)]).toEqual([undefined, 4]);
    await agent.turn("Write c", { "c.txt": "The first line of c\n" });
    const [c] = await flow.commit("Add c");
    await flow.work();
    const ofC = (await flow.see(c))!.sessions[0]!;
    expect([ofC.prompt, usedIn(ofC.metadata)]).toEqual(["Write c", 2]);
    expect(ofC.metadata).toMatchObject({ files_touched: ["c.txt"], checkpoint_transcript_start: 6 });
  });
});
