import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointInput, sessionInput, storeText } from "../../../test/git/checkpoint-data.ts";
import { answers, calls, claudeTranscript, prompt, says, Story, storyMs } from "../../../test/git/story.ts";
import { explain, type Explained } from "./explain.ts";
import { stepsOf } from "./steps.ts";
import { why } from "./why.ts";

const id = "a1b2c3d4e5f6";
let story: Story;

beforeEach(async () => {
  story = await Story.make();
});
afterEach(async () => {
  await story[Symbol.asyncDispose]();
});

function told({ maxPartBytes = 1_000_000 } = {}): Promise<Explained> {
  const { repository, source } = story;
  return explain({ repository, source, id, maxPartBytes });
}

async function partOf(
  transcript: string,
  metadata: Readonly<Record<string, unknown>>,
  options = {},
): Promise<Explained["sessions"][0]["part"]> {
  await story.checkpoint({ id, sessions: [{ sessionId: "s", transcript, metadata }] });
  return (await told(options)).sessions[0]!.part;
}

const five = claudeTranscript("s", [prompt("one"), says("two"), prompt("three"), says("four"), says("five")]);
const codex = ["session_meta", "response_item", "event_msg", "response_item", "response_item", "event_msg"]
  .map((type, at) => `${JSON.stringify({ type, payload: { at } })}\n`)
  .join("");
const gemini = JSON.stringify(
  {
    messages: [
      { id: "m1", type: "user", content: "one" },
      { id: "m2", type: "gemini", content: "two" },
    ],
  },
  undefined,
  2,
);

describe("explain", () => {
  it("tells prompts, files, tokens, cost and summary of each session once, and the commits that name it", async () => {
    const usage = { input_tokens: 1_000_000, output_tokens: 0, api_call_count: 10 };
    const summary = { intent: "Add", outcome: "Added", friction: [] };
    const metadata = {
      created_at: "2026-02-03T06:00:00Z",
      model: "claude-opus-4-5-20251101",
      token_usage: usage,
      summary,
      files_touched: null,
    };
    await story.checkpoint({
      id,
      sessions: [
        { sessionId: "s", transcript: five, prompt: "one\n\n---\n\nthree", metadata },
        {
          slot: 3,
          sessionId: "s",
          transcript: five,
          prompt: "later",
          metadata: { ...metadata, created_at: "2026-02-04T06:00:00Z" },
        },
      ],
    });
    const first = await story.commit({ "a.txt": "1" }, "First", { checkpoints: [id] });
    await story.commit({ "a.txt": "2" }, `Not mine: ${id}`);
    const { sessions, commits, findings, facts } = await told();
    expect(sessions).toHaveLength(1);
    expect(sessions[0]).toMatchObject({
      slot: 3,
      prompts: ["later"],
      microDollars: 5_000_000,
      summary,
      files: [],
      filesCount: 0,
    });
    expect(commits.map((commit) => commit.id)).toEqual([first]);
    expect(findings.map(({ code }) => code)).toContain("session_repeated");
    expect(facts.atMs).toBe(Date.parse("2026-02-04T06:00:00Z"));
  });

  it.each([
    ["a line's number", { checkpoint_transcript_start: 2 }, five, 2, 3],
    ["the older key of it", { checkpoint_transcript_start: 0, transcript_lines_at_start: 3 }, five, 3, 2],
    ["the uuid of the line before", { transcript_identifier_at_start: "s-1" }, five, 2, 3],
    ["a uuid that is not there", { transcript_identifier_at_start: "gone" }, five, 0, 5],
    ["nothing", {}, five, 0, 5],
    ["a number behind the end", { checkpoint_transcript_start: 99 }, five, 5, 0],
    ["the number of Codex' response items", { checkpoint_transcript_start: 2 }, codex, 2, 2],
    ["the number of a document's messages", { checkpoint_transcript_start: 1 }, gemini, 1, 1],
  ] as const)(
    "begins the part where the metadata says: %s",
    async (_, metadata, transcript, before, count) => {
      const part = await partOf(transcript, metadata);
      expect([part.before, part.lines.length]).toEqual([before, count]);
      expect(part.lines.every((line) => transcript.includes(line) || line.includes("gemini"))).toBe(true);
    },
  );

  it("keeps the beginning and the end of a part that is longer than is asked for, and counts the rest", async () => {
    const long = claudeTranscript(
      "s",
      Array.from({ length: 1000 }, (_, at) => says(`answer ${at}`)),
    );
    const part = await partOf(long, {}, { maxPartBytes: 10_000 });
    expect(part.lines.join("").length).toBeLessThanOrEqual(10_000);
    expect(part.lines.length + part.omitted).toBe(1000);
    expect(
      [part.lines[0], part.lines.at(-1), part.lines[part.omittedAt - 1]].map(
        (line) => /answer \d+/.exec(line!)?.[0],
      ),
    ).toEqual(["answer 0", "answer 999", `answer ${part.omittedAt - 1}`]);
  });

  it("tells what a subagent did, and why follows a line into it", async () => {
    const { repository, source } = story;
    const agent = claudeTranscript("s", [
      prompt("Do your part."),
      calls("e1", "Write", { file_path: "/w/deep.ts", content: "export const deepValue = 1;\n" }),
      answers("e1"),
    ]);
    const main = claudeTranscript("s", [
      prompt("Let one do it."),
      calls("toolu_task", "Task", { prompt: "Do your part." }),
      answers("toolu_task"),
    ]);
    const given = await sessionInput(repository, "s", { transcript: await storeText(repository, main) });
    const task = {
      subagent_type: "builder",
      task_description: "Build it",
      started_at: "2026-02-03T06:00:00Z",
      files: ["deep.ts"],
    };
    const tasks = [
      {
        toolUseId: "toolu_task",
        task,
        agentId: "a1",
        transcript: await storeText(repository, ...agent.trimEnd().split("\n")),
      },
    ];
    await source.write(checkpointInput(id, [given], { tasks }));
    await story.commit({ "deep.ts": "export const deepValue = 1;\n" }, "Deep", {
      checkpoints: [id],
      atMs: storyMs + 60_000,
    });
    expect((await told()).tasks).toMatchObject([
      {
        toolUseId: "toolu_task",
        agent: "builder",
        description: "Build it",
        completedAtMs: null,
        files: ["deep.ts"],
        part: { lines: { length: 3 } },
      },
    ]);
    const { index, path: cwd } = story;
    const { turn } = await why({ repository, source, index, file: "deep.ts", line: 1, cwd });
    expect(turn).toMatchObject({
      prompt: "Let one do it.",
      tool: "Write",
      match: "exact",
      task: "toolu_task",
    });
  });

  it("shows the compact transcript where the agent's own is not here", async () => {
    const { repository, source } = story;
    const line = (text: string): string => `${JSON.stringify({ v: 1, type: "user", content: [{ text }] })}\n`;
    const compact = await storeText(repository, line("one") + line("two"));
    const { transcript: _, ...given } = await sessionInput(repository, "s", { compact });
    await source.write(
      checkpointInput(id, [{ ...given, metadata: { ...given.metadata, compact_transcript_start: 1 } }]),
    );
    const { part } = (await told()).sessions[0]!;
    expect(part).toMatchObject({ form: "compact", before: 1 });
    expect(part.lines.flatMap(stepsOf)).toEqual([{ kind: "prompt", text: "two", atMs: null }]);
  });

  it("reads a hostile checkpoint within bounds: absurd counts, wrong types, lines that are no JSON", async () => {
    const metadata = {
      files_touched: { length: 1e9 },
      files_touched_count: 1e300,
      token_usage: { input_tokens: -5, output_tokens: 1e300, subagent_tokens: [] },
      checkpoint_transcript_start: -7,
      created_at: "\u001b[2J",
      model: 7,
      summary: [],
      agent: "x".repeat(100_000),
    };
    const transcript = `not json\n{"type":\n${"[".repeat(10_000)}\n{"type":"user","message":{"content":{"a":1}}}\n`;
    const part = await partOf(transcript, metadata);
    expect(part.lines).toHaveLength(4);
    const [session] = (await told()).sessions;
    expect(session).toMatchObject({
      usage: { calls: 0, tokens: { input: 0, output: 0 } },
      model: null,
      summary: null,
      atMs: null,
      files: [],
    });
    expect(session!.agent!.length).toBeLessThanOrEqual(300);
    expect(part.lines.flatMap(stepsOf)).toEqual([]);
  });

  it("says of a checkpoint that is not here how to get it", async () => {
    await expect(told()).rejects.toMatchObject({
      code: "checkpoint_unknown",
      message: expect.stringContaining("git fetch"),
    });
  });
});
