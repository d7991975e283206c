import { describe, expect, test } from "vitest";
import { rootKeys, rootMetadata, sessionKeys, sessionMetadata, sumsOf } from "./metadata.ts";
import { joinObjects } from "../push/join-objects.ts";
import { maxFilesTouched } from "./capped-list.ts";
import { parseObject } from "./parse-json.ts";
import { RawObject, rawOf } from "./raw-json.ts";
import { objectText } from "./write-json.ts";

const session = {
  session_id: "s1",
  checkpoint_id: "a3b2c4d5e6f7",
  cli_version: "holdfast/0.1.0",
  strategy: "manual-commit",
  created_at: "2026-02-03T06:21:41.461334Z",
  checkpoints_count: 2,
  files_touched: ["a.go"],
};
const none = { stored: undefined, fields: {}, sessions: [], written: [] };

describe("a session's metadata", () => {
  test("keys stand in the order of the format, whatever order they came in", () => {
    const all = Object.fromEntries(sessionKeys.toReversed().map((key) => [key, `x${key}`]));
    expect(sessionMetadata(undefined, { own: 1, ...all }).keys).toEqual([...sessionKeys, "own"]);
  });

  test("what every record has is written even when it is empty, and the rest is left out", () => {
    const { keys } = sessionMetadata(undefined, {
      session_id: "s1",
      branch: "",
      turn_id: undefined,
      skill_events: [],
      is_task: false,
      token_usage: {},
      checkpoint_transcript_start: 0,
      compact_transcript_start: 0,
    });
    expect(keys.join(" ")).toBe(
      "checkpoint_id session_id strategy created_at checkpoints_count files_touched model compact_transcript_start",
    );
  });

  test("a rewrite keeps order, unknown keys, number spellings and what it does not name", () => {
    const stored = parseObject(
      '{"session_id":"s1","steps_count":3,"agents":"Claude Code","initial_attribution":{"agent_percentage":50.00},"created_at":"x","branch":"b"}',
    );
    const text = objectText(sessionMetadata(stored, { created_at: "y", summary: { intent: "z" } }));
    expect(text.replaceAll(/\s+/g, "")).toBe(
      '{"session_id":"s1","steps_count":3,"agents":"ClaudeCode","initial_attribution":{"agent_percentage":50.00},"created_at":"y","branch":"b","summary":{"intent":"z"}}',
    );
  });

  test("a key that is given empty goes, and one that every record has is emptied", () => {
    const stored = parseObject('{"session_id":"s1","branch":"b","files_touched":["a"],"model":"m"}');
    expect(sessionMetadata(stored, { branch: "", files_touched: [], model: "" }).entries).toEqual([
      ["session_id", "s1"],
      ["files_touched", []],
      ["model", ""],
    ]);
  });

  test("a start of the transcript leaves no older one beside it that would be believed", () => {
    const stored = parseObject(
      '{"transcript_identifier_at_start":"u","checkpoint_transcript_start":9,"transcript_lines_at_start":9}',
    );
    expect(sessionMetadata(stored, { checkpoint_transcript_start: 0 }).entries).toEqual([]);
    expect(sessionMetadata(stored, { summary: null }).keys).toHaveLength(3);
  });

  test("file names are kept once, and cut with the number of all kept", () => {
    const files = Array.from({ length: maxFilesTouched + 5 }, (_, index) => `f${index}`);
    const cut = sessionMetadata(undefined, { ...session, files_touched: [...files, "f0", "f1"] });
    expect(cut.list("files_touched")).toHaveLength(maxFilesTouched);
    expect(cut.number("files_touched_count")).toBe(maxFilesTouched + 5);
    const again = sessionMetadata(cut, { ...session, files_touched: ["a", "a"] });
    expect([again.texts("files_touched"), again.get("files_touched_count")]).toEqual([["a"], undefined]);
  });

  test("a list that is null stays null", () => {
    expect(sessionMetadata(undefined, { ...session, files_touched: null }).get("files_touched")).toBeNull();
  });
});

describe("the root's metadata", () => {
  const sessions = [
    sessionMetadata(undefined, {
      ...session,
      token_usage: { input_tokens: 1, output_tokens: 2, subagent_tokens: { input_tokens: 5 } },
    }),
    parseObject(
      '{"steps_count":4,"files_touched":["b.go","a.go"],"token_usage":{"input_tokens":10,"thinking_tokens":7,"subagent_tokens":{"input_tokens":6}}}',
    ),
    parseObject('{"checkpoints_count":-1,"files_touched":null,"token_usage":null}'),
  ];

  test("it sums prompts, files and tokens of all sessions", () => {
    const root = rootMetadata({ ...none, sessions });
    expect(root.number("checkpoints_count")).toBe(6);
    expect(root.texts("files_touched")).toEqual(["a.go", "b.go"]);
    expect(JSON.parse(objectText(root))).toMatchObject({
      token_usage: {
        input_tokens: 11,
        output_tokens: 2,
        thinking_tokens: 7,
        subagent_tokens: { input_tokens: 11 },
      },
    });
  });

  test("keys stand in the order of the format", () => {
    const all = Object.fromEntries(rootKeys.toReversed().map((key) => [key, `x${key}`]));
    expect(rootMetadata({ ...none, fields: all }).keys).toEqual(rootKeys);
  });

  test("the paths of a slot are found by its number, not by where they stand, and foreign keys of them stay", () => {
    const stored = parseObject(
      '{"sessions":[{"metadata":"/aa/bb/2/metadata.json","context":"/aa/bb/2/context.md"},{"metadata":"/aa/bb/0/metadata.json","prompt":"/aa/bb/0/prompt.txt"},"odd"]}',
    );
    const written = [0, 5].map((slot) => ({
      slot,
      paths: { metadata: `/${slot}/metadata.json`, transcript: `/${slot}/full.jsonl`, prompt: undefined },
    }));
    expect(JSON.parse(objectText(rootMetadata({ ...none, stored, written })))).toMatchObject({
      sessions: [
        { metadata: "/aa/bb/2/metadata.json", context: "/aa/bb/2/context.md" },
        { metadata: "/0/metadata.json", transcript: "/0/full.jsonl" },
        "odd",
        { metadata: "/5/metadata.json", transcript: "/5/full.jsonl" },
      ],
    });
  });

  test("unknown and old keys survive a rewrite where they stand", () => {
    const stored = parseObject(
      '{"checkpoint_id":"x","migration_source_commit":"y","files_touched":[],"combined_attribution":{"a":1.50}}',
    );
    const root = rootMetadata({ ...none, stored, fields: { branch: "main" } });
    expect(root.keys.filter((key) => stored.keys.includes(key))).toEqual(stored.keys);
    expect(root.keys.slice(0, 2)).toEqual(["checkpoint_id", "branch"]);
    expect(objectText(root)).toContain('"a": 1.50');
  });

  test("usage of absurd depth or width is left out of the sum", () => {
    const deep = parseObject(`{"token_usage":${'{"subagent_tokens":'.repeat(90)}1${"}".repeat(90)}}`);
    expect(sumsOf([deep, deep]).token_usage).toBeInstanceOf(RawObject);
    const wide = RawObject.of({
      token_usage: Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, 1])),
    });
    expect(sumsOf([wide, wide]).token_usage).toBeUndefined();
  });
});

test("a record that was made of endless keys is rewritten and joined in time", () => {
  const many = (value: number): RawObject =>
    new RawObject(Array.from({ length: 30_000 }, (_, index) => [`k${index}`, rawOf(value)]));
  const [ones, twos] = [many(1), many(2)];
  const rewritten = rootMetadata({ ...none, stored: ones, fields: twos.fields() });
  expect([rewritten.number("k0"), rewritten.number("k29999")]).toEqual([2, 2]);
  const [base, ours] = [new RawObject([]), ones.without(["k1"])];
  expect(joinObjects({ base, ours, theirs: twos }, "ours")?.keys.slice(0, 3)).toEqual(["k0", "k1", "k2"]);
});
