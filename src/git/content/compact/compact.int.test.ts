import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { isLong } from "../../../../test/long.ts";
import { CompactText, type CompactWritten } from "./compact-text.ts";
import { compactPart, readCompact } from "./read.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-compact-"));
  return () => rmSync(folder, { recursive: true, force: true });
});

const ts = "2026-04-01T10:00:00Z";

async function write(
  lines: readonly unknown[],
  params: { key?: string; isOpen?: boolean } = {},
): Promise<CompactWritten | undefined> {
  const texts = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line)));
  const text = new CompactText({ folder, cliVersion: "1.0" });
  return text.write({ lines: (from) => texts.slice(from), key: "k", ...params });
}

async function written(lines: readonly unknown[]): Promise<string[]> {
  return (await write(lines))?.content.toString().split("\n") ?? [];
}

function said(n: number, content: unknown, more: object = {}): object {
  const message = {
    id: `msg_${n}`,
    role: "assistant",
    content,
    usage: { input_tokens: n, output_tokens: 5 },
  };
  return { type: "assistant", timestamp: ts, message, ...more };
}

function asked(content: unknown, more: object = {}): object {
  return { type: "user", uuid: "u1", timestamp: ts, message: { role: "user", content }, ...more };
}

const call = { type: "tool_use", id: "toolu_1", name: "Read", input: { file_path: "a.go" }, caller: "x" };
const answer = {
  type: "tool_result",
  tool_use_id: "toolu_1",
  content: [{ type: "text", text: "package a" }],
};

describe("the compact transcript of Claude Code", () => {
  it("is written key by key as the format says, with the result inside of its call", async () => {
    const file = { file: { filePath: "a.go", numLines: 12, content: "package a" }, numMatches: 3 };
    const lines = await written([
      { type: "file-history-snapshot", snapshot: {} },
      asked("<ide_selection>x</ide_selection>fix it"),
      said(10, [{ type: "thinking", thinking: "…", signature: "s" }]),
      said(10, [{ type: "text", text: "I look." }]),
      said(10, [call]),
      asked([answer], { toolUseResult: file }),
      { type: "system", content: "x" },
    ]);
    const head = '{"v":1,"agent":"claude-code","cli_version":"1.0"';
    const result =
      '{"output":"package a","status":"success","file":{"filePath":"a.go","numLines":12},"matchCount":3}';
    expect(lines).toEqual([
      `${head},"type":"user","ts":"${ts}","content":[{"id":"u1","text":"fix it"}]}`,
      `${head},"type":"assistant","ts":"${ts}","id":"msg_10","input_tokens":10,"output_tokens":5,"content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_1","name":"Read","input":{"file_path":"a.go"},"result":${result}}]}`,
    ]);
  });

  it("says that a tool failed, and leaves out what nobody answered", async () => {
    const [, line] = await written([
      asked("go"),
      said(1, [call, { ...call, id: "toolu_2" }]),
      asked([{ ...answer, is_error: true, content: "no such file" }]),
    ]);
    const [first, second] = readCompact(line!)[0]!.content;
    expect(first).toMatchObject({ result: { output: "no such file", status: "error" } });
    expect(second).not.toHaveProperty("result");
  });

  it("leaves out what the agent put in for itself, and keeps pictures as they are", async () => {
    const image = { type: "image", source: { type: "base64", data: "entire-asset:assets/a.png" } };
    const lines = await written([
      asked("caveat", { isMeta: true }),
      asked("<system-reminder>x</system-reminder>"),
      asked([image]),
    ]);
    expect(lines.flatMap(readCompact)).toMatchObject([{ type: "user", content: [image] }]);
  });
});

describe("the compact transcript of Codex", () => {
  it("tells messages, calls and their results", async () => {
    const item = (payload: object): object => ({ timestamp: ts, ordinal: 1, type: "response_item", payload });
    const text = (role: string, said: string): object =>
      item({
        type: "message",
        role,
        content: [{ type: role === "user" ? "input_text" : "output_text", text: said }],
      });
    const patch = "*** Begin Patch\n*** Update File: a.ts\n*** End Patch";
    const lines = await written([
      { timestamp: ts, type: "session_meta", payload: { id: "s" } },
      text("user", "<environment_context>x</environment_context>"),
      text("developer", "rules"),
      text("user", "fix it"),
      { timestamp: ts, type: "event_msg", payload: { type: "user_message", message: "fix it" } },
      item({ type: "reasoning", summary: [], encrypted_content: null }),
      item({ type: "function_call", name: "shell", arguments: '{"command":["ls"]}', call_id: "c1" }),
      item({
        type: "function_call_output",
        call_id: "c1",
        output: '{"output":"a.ts","metadata":{"exit_code":1}}',
      }),
      item({ type: "custom_tool_call", name: "apply_patch", input: patch, call_id: "c2" }),
      item({ type: "custom_tool_call_output", call_id: "c2", output: "Done" }),
      item({ type: "local_shell_call", call_id: "c3", action: { type: "exec", command: ["ls"] } }),
      item({ type: "web_search_call", action: { query: "q" } }),
      text("assistant", "Fixed."),
    ]);
    const read = lines.flatMap(readCompact);
    expect(read.map(({ type, agent }) => [type, agent])).toEqual([
      ["user", "codex"],
      ...Array.from({ length: 5 }, () => ["assistant", "codex"]),
    ]);
    expect(read.map(({ content }) => content[0])).toEqual([
      { text: "fix it" },
      {
        type: "tool_use",
        id: "c1",
        name: "shell",
        input: { command: ["ls"] },
        result: { output: "a.ts", status: "error" },
      },
      {
        type: "tool_use",
        id: "c2",
        name: "apply_patch",
        input: { input: patch },
        result: { output: "Done", status: "success" },
      },
      { type: "tool_use", id: "c3", name: "local_shell", input: { type: "exec", command: ["ls"] } },
      { type: "tool_use", name: "web_search", input: { query: "q" } },
      { type: "text", text: "Fixed." },
    ]);
  });
});

describe("the compact transcript of Cursor", () => {
  it("tells messages without the tags around a question, and calls", async () => {
    const lines = await written([
      { role: "user", message: { content: [{ type: "text", text: "<user_query>\nfix it\n</user_query>" }] } },
      {
        role: "assistant",
        message: {
          content: [
            { type: "text", text: "Yes." },
            { ...call, caller: undefined },
          ],
        },
      },
      { role: "tool", message: { content: [answer] } },
    ]);
    expect(lines.flatMap(readCompact)).toMatchObject([
      { type: "user", agent: "cursor", content: [{ text: "fix it" }] },
      {
        type: "assistant",
        content: [
          { type: "text", text: "Yes." },
          { id: "toolu_1", result: { status: "success" } },
        ],
      },
    ]);
  });
});

describe("CompactText", () => {
  const turn = (n: number): object[] => [
    asked(`question ${n}`),
    said(n, [{ ...call, id: `toolu_${n}` }]),
    asked([{ ...answer, tool_use_id: `toolu_${n}` }]),
  ];
  const session = Array.from({ length: 200 }, (_, n) => turn(n)).flat();

  it("writes the same however the session grew, and does not read again what is finished", async () => {
    const whole = (await write(session))!;
    for (const end of [1, 2, 100, 101, 299, 450, 600]) {
      const grown = (await write(session.slice(0, end)))!;
      await grown.keep();
    }
    let first = -1;
    const texts = session.map((line) => JSON.stringify(line));
    const lines = (from: number): string[] => texts.slice((first = from));
    const again = await new CompactText({ folder, cliVersion: "1.0" }).write({
      lines,
      key: "k",
    });
    expect(again!.content.equals(whole.content)).toBe(true);
    expect(again!.lines).toBe(400);
    expect(first).toBe(session.length);
  });

  it("takes a last line anew that had not come to its end", async () => {
    const texts = session.slice(0, 30).map((line) => JSON.stringify(line));
    const whole = (await write(texts))!;
    for (let end = 1; end < texts.length; end += 1)
      await (await write([...texts.slice(0, end), texts[end]!.slice(0, 80)], { isOpen: true }))!.keep();
    expect((await write(texts))!.content.equals(whole.content)).toBe(true);
    // Such as a message whose text went on.
    const begun = texts.with(-3, JSON.stringify(asked("question 9, and")));
    await (await write(begun.slice(0, -2), { isOpen: true }))!.keep();
    expect((await write(texts))!.content.equals(whole.content)).toBe(true);
  });

  it("begins anew after other rules, another version, a rewritten transcript and damage", async () => {
    const other = session.map(
      (line) => JSON.parse(JSON.stringify(line).replaceAll("question", "demand")) as object,
    );
    await (await write(session))!.keep();
    expect((await write(other, { key: "other" }))!.content.toString()).not.toContain("question");
    expect((await write(other, { key: "rewritten" }))!.content.toString()).not.toContain("question");
    const newer = new CompactText({ folder, cliVersion: "2.0" });
    const texts = other.map((line) => JSON.stringify(line));
    const rewritten = await newer.write({ lines: (from) => texts.slice(from), key: "k" });
    expect(rewritten!.content.toString()).not.toContain("question");
    await (await newer.write({ lines: (from) => texts.slice(from), key: "k" }))!.keep();
    truncateSync(join(folder, "compact.jsonl"), 20_000);
    expect((await newer.write({ lines: (from) => texts.slice(from), key: "k" }))!.lines).toBe(400);
    for (const damage of ["", "{}\n", '{"version":1}\n', "x"]) {
      writeFileSync(join(folder, "compact.jsonl"), damage);
      expect((await write(other))!.content.toString()).not.toContain("question");
    }
  });

  it("has none of a transcript whose agent is not known, and none above 50 MB", async () => {
    expect(await write(["{}", "x", '{"messages":[]}'])).toBeUndefined();
    expect(
      await write(Array.from({ length: 1100 }, () => "{}").concat(JSON.stringify(asked("x")))),
    ).toBeUndefined();
    expect(await write([])).toBeUndefined();
    const large = Array.from({ length: 60 }, (_, n) => asked("x".repeat(1_000_000), { uuid: `${n}` }));
    expect(await write(large)).toBeUndefined();
  });

  it(
    "never throws, and writes lines that are read back, whatever the transcript holds",
    { timeout: isLong ? 300_000 : 30_000 },
    async () => {
      const hostile = fc.oneof(
        fc.jsonValue(),
        fc.record({
          type: fc.constantFrom("user", "assistant", "response_item", "event_msg"),
          role: fc.option(fc.constantFrom("user", "assistant"), { nil: undefined }),
          message: fc.oneof(
            fc.jsonValue(),
            fc.record({ id: fc.jsonValue(), content: fc.array(fc.jsonValue()), usage: fc.jsonValue() }),
          ),
          payload: fc.option(
            fc.record({
              type: fc.jsonValue(),
              role: fc.jsonValue(),
              content: fc.jsonValue(),
              output: fc.jsonValue(),
            }),
            { nil: undefined },
          ),
        }),
      );
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(hostile, { maxLength: 20 }), async (lines) => {
          const compact = await write(lines, { key: `${(runs += 1)}` });
          const count = compact?.content.toString().split("\n").flatMap(readCompact).length;
          expect(count).toBe(compact?.lines);
        }),
        { numRuns: isLong ? 2000 : 200 },
      );
    },
  );
});

describe("reading a compact transcript", () => {
  it("gives this checkpoint's part, passes over what it does not know, and takes a text for a block", () => {
    const text = [
      '{"v":1,"type":"user","content":"one"}',
      '{"v":2,"type":"user","content":"later form"}',
      '{"v":1,"type":"progress"}',
      "torn {",
      "",
      '{"v":1,"type":"assistant","content":null,"new":1}',
    ].join("\n");
    expect(compactPart(text, undefined).map(({ content }) => content)).toEqual([[{ text: "one" }], []]);
    expect(compactPart(text, 1)).toMatchObject([{ type: "assistant", content: [] }]);
  });
});
