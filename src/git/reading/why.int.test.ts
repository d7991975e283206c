import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { answers, calls, claudeTranscript, prompt, says, Story, storyMs } from "../../../test/git/story.ts";
import { type Why, why } from "./why.ts";

let story: Story;

beforeEach(async () => {
  story = await Story.make();
});
afterEach(async () => {
  await story[Symbol.asyncDispose]();
});

const id = "a1b2c3d4e5f6";

function ask(file: string, line: number, more: { revision?: string } = {}): Promise<Why> {
  const { repository, source, index, path } = story;
  return why({ repository, source, index, file, line, cwd: path, ...more });
}

describe("why", () => {
  it("names the prompt whose edit wrote the line, not the one that wrote the file", async () => {
    const transcript = claudeTranscript("s-1", [
      prompt("Make the adder."),
      calls("t1", "Write", {
        file_path: "/home/dev/project/add.ts",
        content: "export function add() {\n  return 0;\n}\n",
      }),
      answers("t1"),
      prompt("It returns zero: mend it."),
      calls("t2", "Edit", {
        file_path: "/home/dev/project/add.ts",
        old_string: "  return 0;",
        new_string: "  return left + right;",
      }),
      answers("t2"),
      says("Mended."),
    ]);
    await story.checkpoint({
      id,
      sessions: [{ sessionId: "s-1", transcript, metadata: { agent: "Claude Code" } }],
    });
    const text = "export function add() {\n  return left + right;\n}\n";
    const commit = await story.commit({ "add.ts": text }, "Add", {
      checkpoints: [id],
      atMs: storyMs + 60_000,
    });
    const second = await ask("add.ts", 2);
    expect(second.commit?.id).toBe(commit);
    expect(second.turn).toMatchObject({
      checkpoint: id,
      session: "s-1",
      agent: "Claude Code",
      prompt: "It returns zero: mend it.",
      tool: "Edit",
      match: "exact",
    });
    expect((await ask("add.ts", 1)).turn).toMatchObject({ prompt: "Make the adder.", match: "exact" });
    expect((await ask("add.ts", 3)).turn).toMatchObject({ prompt: "Make the adder.", match: "common" });
  });

  it("passes over calls that failed and calls after the commit", async () => {
    const write = (call: string): object =>
      calls(call, "Write", { file_path: "/w/notes.md", content: "A line that is telling\n" });
    const transcript = claudeTranscript("s-1", [
      prompt("first"),
      write("t1"),
      answers("t1"),
      prompt("second"),
      write("t2"),
      answers("t2", { failed: true }),
      prompt("third"),
      { ...write("t3"), timestamp: new Date(storyMs + 3_600_000).toISOString() },
    ]);
    await story.checkpoint({ id, sessions: [{ sessionId: "s-1", transcript }] });
    await story.commit({ "notes.md": "A line that is telling\n" }, "Note", {
      checkpoints: [id],
      atMs: storyMs + 60_000,
    });
    expect((await ask("notes.md", 1)).turn).toMatchObject({ prompt: "first", isLate: false });
  });

  it("says that it is unsure where the clock of the commit is behind that of the agent", async () => {
    const input = { file_path: "/w/notes.md", content: "A line that is telling\n" };
    const transcript = claudeTranscript("s-1", [prompt("first"), calls("t1", "Write", input)]);
    await story.checkpoint({ id, sessions: [{ sessionId: "s-1", transcript }] });
    const behind = { checkpoints: [id], atMs: storyMs - 60_000 };
    await story.commit({ "notes.md": "A line that is telling\n" }, "Note", behind);
    expect((await ask("notes.md", 1)).turn).toMatchObject({ prompt: "first", isLate: true });
  });

  it("follows a renamed file and says what it was called", async () => {
    const transcript = claudeTranscript("s-1", [
      prompt("Write it."),
      calls("t1", "Write", { file_path: "/w/old name.md", content: "one telling line\ntwo telling lines\n" }),
    ]);
    await story.checkpoint({ id, sessions: [{ sessionId: "s-1", transcript }] });
    await story.commit({ "old name.md": "one telling line\ntwo telling lines\n" }, "Old", {
      checkpoints: [id],
      atMs: storyMs + 60_000,
    });
    await story.git("mv", "old name.md", "ein neuer Ümläut:1.md");
    await story.git("commit", "-q", "-m", "Rename");
    const found = await ask("ein neuer Ümläut:1.md", 2);
    expect(found.blamed.path).toBe("old name.md");
    expect(found.turn).toMatchObject({ prompt: "Write it.", match: "exact" });
  });

  it("finds what a patch of Codex wrote, by the agent's own lines", async () => {
    const patch =
      "*** Begin Patch\n*** Update File: src/run.py\n@@\n-old = 1\n+fresh_value = compute()\n*** End Patch\n";
    const transcript = [
      { timestamp: "2026-02-03T06:00:00Z", type: "session_meta", payload: { id: "s-1", cwd: "/w" } },
      {
        timestamp: "2026-02-03T06:00:01Z",
        type: "response_item",
        payload: { type: "message", role: "user", content: [{ type: "input_text", text: "Compute it." }] },
      },
      {
        timestamp: "2026-02-03T06:00:02Z",
        type: "response_item",
        payload: { type: "custom_tool_call", call_id: "c1", name: "apply_patch", input: patch },
      },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
    await story.checkpoint({
      id,
      sessions: [{ sessionId: "s-1", transcript, metadata: { agent: "Codex" } }],
    });
    await story.commit({ "src/run.py": "fresh_value = compute()\n" }, "Run", {
      checkpoints: [id],
      atMs: storyMs + 60_000,
    });
    expect((await ask("src/run.py", 1)).turn).toMatchObject({
      prompt: "Compute it.",
      tool: "apply_patch",
      match: "exact",
    });
  });

  it("looks in every checkpoint of a squash and names those that are not here", async () => {
    const other = "0f0f0f0f0f0f";
    const transcript = claudeTranscript("s-2", [
      prompt("Write the squashed."),
      calls("t1", "Write", { file_path: "/w/squashed.txt", content: "the squashed line\n" }),
    ]);
    await story.checkpoint({ id: other, sessions: [{ sessionId: "s-2", transcript }] });
    await story.commit({ "squashed.txt": "the squashed line\n" }, "Squash", {
      checkpoints: [id, other],
      atMs: storyMs + 60_000,
    });
    const found = await ask("squashed.txt", 1);
    expect(found.missing).toEqual([id]);
    expect(found.turn).toMatchObject({ checkpoint: other, prompt: "Write the squashed." });
  });

  it("says where the history that is here is cut off, and only there", async () => {
    expect((await ask("notes.txt", 1)).blamed.isBoundary).toBe(false);
    await story[Symbol.asyncDispose]();
    story = await Story.make("shallow");
    expect((await ask("notes.txt", 1)).blamed.isBoundary).toBe(true);
  });

  it("says of a line that nobody committed, of one that is not there, and of a file elsewhere what they are", async () => {
    await story.commit({ "a.txt": "one\n" }, "A");
    story.files({ "a.txt": "one\nnot yet\n" });
    expect(await ask("a.txt", 2)).toMatchObject({ commit: null, turn: null, blamed: { text: "not yet" } });
    await expect(ask("a.txt", 9)).rejects.toMatchObject({
      code: "git_line_unknown",
      message: expect.stringContaining("2 lines"),
    });
    await expect(ask("missing.txt", 1)).rejects.toMatchObject({ code: "git_line_unknown" });
    await expect(ask("../elsewhere", 1)).rejects.toMatchObject({ code: "git_line_unknown" });
    await expect(ask("a.txt", 1, { revision: "--output=x" })).rejects.toMatchObject({
      code: "git_revision_unknown",
    });
    expect((await ask("a.txt", 1)).checkpoints).toEqual([]);
  });
});
