import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Layout } from "../checkpoint-store.ts";
import { FlowRepository, layoutsFor } from "../../../test/git/flow-repository.ts";
import { handleAgentHook } from "./agent-hook.ts";
import { placeOf } from "./place.ts";

const flows: FlowRepository[] = [];
afterEach(async () => {
  for (const flow of flows.splice(0)) {
    expect(flow.log).toBe("");
    await flow.linked.fsckClean();
    flow[Symbol.dispose]();
  }
});

async function make(layout: Layout): Promise<FlowRepository> {
  const flow = await FlowRepository.make(layout);
  flows.push(flow);
  return flow;
}

let scenarios = 0;
/** A scenario in each layout of its turn. */
function scenario(title: string, play: (flow: FlowRepository) => Promise<void>): void {
  it.each(layoutsFor(scenarios++))(`${title} (%s)`, async (layout) => play(await make(layout)));
}

const tokens = (answers: number) => ({
  input_tokens: 10 * answers,
  cache_creation_tokens: 0,
  cache_read_tokens: 0,
  output_tokens: 5 * answers,
  api_call_count: answers,
});

describe("a commit of agents' work", () => {
  scenario("of one session has its checkpoint: prompt, transcript, files, tokens and links", async (flow) => {
    const agent = flow.realAgent("s-1");
    await agent.start();
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    expect(await flow.work()).toEqual({ held: true, done: 2, failed: 0, aside: 0 });
    const seen = (await flow.see(id))!;
    const head = await flow.git("rev-parse", "HEAD");
    expect(seen.stored.findings).toEqual([]);
    expect(seen.root).toMatchObject({
      checkpoint_id: id,
      strategy: "manual-commit",
      branch: "main",
      checkpoints_count: 1,
      files_touched: ["a.txt"],
      token_usage: tokens(2),
      token_usage_version: 2,
      linked_commits: [{ sha: head }],
      commit_anchors: [{ sha: head, tree: await flow.git("rev-parse", "HEAD^{tree}"), files: ["a.txt"] }],
    });
    expect(seen.sessions).toHaveLength(1);
    expect(seen.sessions[0]).toMatchObject({ slot: 0, sessionId: "s-1", prompt: "Write a" });
    expect(seen.sessions[0]!.metadata).toMatchObject({
      agent: "Claude Code",
      model: "claude-test",
      turn_id: expect.stringMatching(/^[0-9a-f]{12}$/),
      compact_transcript_start: 0,
      session_metrics: { turn_count: 1 },
    });
    expect(seen.sessions[0]!.transcript).toBe(readFileSync(agent.transcript, "utf8").trimEnd());
    expect(seen.sessions[0]!.compact!.split("\n")).toHaveLength(3);
    expect(flow.linked.sessions.read("s-1")).toMatchObject({
      filesTouched: [],
      lastCheckpoint: id,
      prompts: [],
    });
    expect(flow.linked.events()).toEqual([]);
  });

  scenario("of two sessions has both in one checkpoint, each in its slot", async (flow) => {
    const [one, two] = [flow.agent("s-1"), flow.agent("s-2")];
    await one.turn("Write a", { "a.txt": "The first line of a\n" });
    await two.turn("Write b", { "b.txt": "The first line of b\n" });
    const [id] = await flow.commit("Add both");
    await flow.work();
    const { sessions, root } = (await flow.see(id))!;
    expect(
      sessions.map(({ slot, sessionId, prompt, metadata }) => [
        slot,
        sessionId,
        prompt,
        metadata["files_touched"],
      ]),
    ).toEqual([
      [0, "s-1", "Write a", ["a.txt"]],
      [1, "s-2", "Write b", ["b.txt"]],
    ]);
    expect(root).toMatchObject({
      checkpoints_count: 2,
      files_touched: ["a.txt", "b.txt"],
      token_usage: tokens(4),
    });
  });

  scenario(
    "several of one turn have a checkpoint each, and the end of the turn completes them",
    async (flow) => {
      const agent = flow.agent("s-1");
      await agent.prompt("Write a and b");
      agent.edit("a.txt", "The first line of a\n");
      const env = { CLAUDECODE: "1" };
      await flow.git("add", "a.txt");
      await flow.linked.git(["commit", "-qm", "Add a"], env);
      const [first] = (await flow.linked.trailers()).checkpoints;
      await flow.work();
      const early = (await flow.see(first))!.sessions[0]!;
      agent.edit("b.txt", "The first line of b\n");
      await flow.git("add", "b.txt");
      await flow.linked.git(["commit", "-qm", "Add b"], env);
      const [second] = (await flow.linked.trailers()).checkpoints;
      await flow.work();
      await agent.stop();
      await flow.work();
      const whole = readFileSync(agent.transcript, "utf8").trimEnd();
      expect(early.transcript.split("\n")).toHaveLength(2);
      const [a, b] = [(await flow.see(first))!.sessions[0]!, (await flow.see(second))!.sessions[0]!];
      expect([a.transcript, b.transcript]).toEqual([whole, whole]);
      expect([a.prompt, b.prompt]).toEqual(["Write a and b", "Write a and b"]);
      expect(a.metadata).toMatchObject({ files_touched: ["a.txt"], token_usage: tokens(1) });
      // What came after the last commit is in its part.
      expect(b.metadata).toMatchObject({
        files_touched: ["b.txt"],
        token_usage: tokens(2),
        checkpoint_transcript_start: 2,
        turn_id: a.metadata["turn_id"],
      });
      expect(flow.linked.sessions.read("s-1")).toMatchObject({
        turnCheckpoints: [],
        filesTouched: [],
        checkpointTranscriptStart: 4,
      });
    },
  );

  scenario(
    "of a part leaves the rest, whose checkpoint goes back to the beginning but counts no token twice",
    async (flow) => {
      const agent = flow.agent("s-1");
      await agent.turn("Write a and b", {
        "a.txt": "The first line of a\n",
        "b.txt": "The first line of b\n",
      });
      await flow.git("add", "a.txt");
      await flow.git("commit", "-qm", "Only a");
      const [first] = (await flow.linked.trailers()).checkpoints;
      await flow.work();
      expect(flow.linked.sessions.read("s-1")).toMatchObject({
        filesTouched: ["b.txt"],
        checkpointTranscriptStart: 0,
      });
      const [second] = await flow.commit("The rest");
      await flow.work();
      const [a, b] = [(await flow.see(first))!.sessions[0]!, (await flow.see(second))!.sessions[0]!];
      expect([a.metadata["files_touched"], b.metadata["files_touched"]]).toEqual([["a.txt"], ["b.txt"]]);
      expect(a.metadata["token_usage"]).toEqual(tokens(3));
      expect(b.metadata["token_usage"]).toBeUndefined();
      expect(b.metadata).toMatchObject({ token_transcript_start: 4, compact_transcript_start: 0 });
      expect(b.metadata["checkpoint_transcript_start"]).toBeUndefined();
    },
  );

  scenario("leaves what lies in a stash, until it is committed or the stash is dropped", async (flow) => {
    const agent = flow.agent("s-1");
    const touched = () => flow.linked.sessions.read("s-1")!.filesTouched.toSorted();
    await agent.turn("Write a", { "notes.txt": "A line of the agent\n", "a.txt": "The first line of a\n" });
    await flow.git("stash", "-q", "--include-untracked");
    flow.linked.write("fix.txt", "A hotfix\n");
    await flow.commit("Hotfix by a person");
    await flow.work();
    expect(touched()).toEqual(["a.txt", "notes.txt"]);
    await agent.turn("Write b", { "b.txt": "The first line of b\n" });
    const [between] = await flow.commit("Add b");
    await flow.work();
    expect(touched()).toEqual(["a.txt", "notes.txt"]);
    await flow.git("stash", "pop", "-q");
    const [id] = await flow.commit("Add a");
    await flow.work();
    expect((await flow.see(between))!.root).toMatchObject({ files_touched: ["b.txt"] });
    expect((await flow.see(id))!.root).toMatchObject({ files_touched: ["a.txt", "notes.txt"] });
    await agent.turn("Write c", { "c.txt": "The first line of c\n" });
    await flow.git("stash", "-q", "--include-untracked");
    await flow.work();
    expect(touched()).toEqual(["c.txt"]);
    await flow.git("stash", "drop", "-q");
    await flow.work();
    expect(touched()).toEqual([]);
  });

  scenario("that is staged in part leaves what was not", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.git("add", "a.txt");
    agent.edit("a.txt", "The first line of a\nAnother line of it\n");
    await agent.turn("Go on", {});
    await flow.git("commit", "-qm", "The first line");
    await flow.work();
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ filesTouched: ["a.txt"] });
    const [id] = await flow.commit("The other line");
    await flow.work();
    expect((await flow.see(id))!.root["files_touched"]).toEqual(["a.txt"]);
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ filesTouched: [] });
  });

  scenario("leaves what the agent had asked for since, though it is not on disk yet", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.prompt("Write a and b");
    agent.edit("a.txt", "The first line of a\n");
    await flow.commit("Add a");
    agent.edit("b.txt", "The first line of b\n");
    // The line of a tool's call stands in the transcript before the tool has run.
    rmSync(join(flow.path, "b.txt"));
    await flow.work();
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ filesTouched: ["b.txt"] });
    flow.linked.write("b.txt", "The first line of b\n");
    const [id] = await flow.commit("Add b");
    await flow.work();
    expect((await flow.see(id))!.root["files_touched"]).toEqual(["b.txt"]);
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ filesTouched: [] });
  });

  scenario("goes on where the last checkpoint of the session ended", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.commit("Add a");
    await agent.turn("Now b", { "b.txt": "The first line of b\n" });
    const [id] = await flow.commit("Add b");
    await flow.work();
    const [session] = (await flow.see(id))!.sessions;
    expect(session!.prompt).toBe("Now b");
    expect(session!.transcript.split("\n")).toHaveLength(6);
    expect(session!.metadata).toMatchObject({
      checkpoint_transcript_start: 3,
      compact_transcript_start: 3,
      transcript_identifier_at_start: JSON.parse(session!.transcript.split("\n")[2]!).uuid,
      token_usage: tokens(2),
      checkpoints_count: 1,
    });
  });
});

describe("a commit that is nobody's", () => {
  scenario("has no checkpoint, and what sessions have to commit stays", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.linked.stage("mine.txt", "By a person\n");
    await flow.git("commit", "-qm", "Mine");
    expect((await flow.linked.trailers()).checkpoints).toEqual([]);
    await flow.work();
    expect(await flow.ids()).toEqual([]);
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ filesTouched: ["a.txt"], promptCount: 1 });
  });

  scenario(
    "is not a session's where git was too slow to tell what was there before the turn",
    async (flow) => {
      const agent = flow.agent("s-1");
      await agent.start();
      flow.linked.write("mine.txt", "By a person\n");
      vi.stubEnv("PATH", `${slowGit(flow)}:${process.env["PATH"]}`);
      const input = { session_id: "s-1", transcript_path: agent.transcript, prompt: "Only think" };
      const place = placeOf(flow.path)!;
      handleAgentHook({ agent: "claude-code", verb: "user-prompt-submit", input, place, parent: 1 });
      vi.unstubAllEnvs();
      await agent.stop();
      expect(flow.linked.sessions.read("s-1")!.dirtyBefore).toBeUndefined();
      expect(flow.linked.sessions.read("s-1")).toMatchObject({ filesTouched: [] });
      expect(await flow.commit("Mine")).toEqual([]);
      await flow.work();
      expect(await flow.ids()).toEqual([]);
    },
  );

  scenario("is not a session's whose new file a person wrote anew under the same name", async (flow) => {
    const [one, two] = [flow.agent("s-1"), flow.agent("s-2")];
    await one.turn("Write a", { "a.txt": "A line that the agent wrote\n" });
    await two.turn("Write b", { "b.txt": "The first line of b\n" });
    flow.linked.write("a.txt", "Something that a person wrote instead\n");
    const [id] = await flow.commit("Both");
    await flow.work();
    expect((await flow.see(id))!.sessions.map(({ sessionId }) => sessionId)).toEqual(["s-2"]);
  });

  scenario("is a session's where a person only changed what it wrote", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\nThe second line of a\n" });
    flow.linked.write("a.txt", "The first line, by a person\nThe second line of a\n");
    const [id] = await flow.commit("Add a");
    await flow.work();
    expect((await flow.see(id))!.root["files_touched"]).toEqual(["a.txt"]);
  });

  scenario("leaves a session that ended without anything to commit alone", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Only think", {});
    await agent.end();
    await flow.linked.stage("mine.txt", "By a person\n");
    await flow.git("commit", "-qm", "Mine");
    await flow.work();
    expect(await flow.ids()).toEqual([]);
  });
});

/** A folder with a git that does not answer. */
function slowGit({ home }: FlowRepository): string {
  const folder = join(home, "bin");
  mkdirSync(folder);
  const script = "#!/bin/sh\nexec sleep 30\n";
  writeFileSync(join(folder, "git"), script, { mode: 0o755 });
  return folder;
}
