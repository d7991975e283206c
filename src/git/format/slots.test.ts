import { describe, expect, test } from "vitest";
import { parseObject } from "./parse-json.ts";
import { slotFor, slotOfName, slotOfPath, slotsBySession, type SlotOwner } from "./slots.ts";
import { startLineIn, transcriptStartOf } from "./transcript-start.ts";

const owner = (slot: number, sessionId?: string, createdAt?: string): SlotOwner => ({
  slot,
  sessionId,
  createdAt,
});

describe("slots", () => {
  test("the first session takes slot 0, and another one never takes it away", () => {
    expect(slotFor("a", [])).toBe(0);
    expect(slotFor("b", [owner(0, "a")])).toBe(1);
    expect(slotFor("b", [owner(0)])).toBe(1);
  });

  test("a session keeps its slot, and a new one follows the highest of a sparse set", () => {
    const sparse = [owner(0, "a"), owner(2, "b"), owner(3, "c")];
    expect(slotFor("b", sparse)).toBe(2);
    expect(slotFor("d", sparse)).toBe(4);
  });

  test("a new session gets a slot that readers look for, also behind the last number that there is", () => {
    expect(slotFor("b", [owner(999_999, "a")])).toBe(0);
    expect(slotFor("c", [owner(999_999, "a"), owner(0, "b"), owner(2, "d")])).toBe(1);
    expect(slotOfName("999999")).toBe(999_999);
  });

  test("of two slots of a session the one that was created later counts, whatever offset its clock had", () => {
    const twice = [
      owner(0, "a", "2026-02-03T10:00:00.5+02:00"),
      owner(2, "a", "2026-02-03T08:30:00Z"),
      owner(1, "a"),
    ];
    expect(slotFor("a", twice)).toBe(2);
    expect(slotsBySession([...twice, owner(5)])).toEqual(new Map([["a", 2]]));
    expect(slotFor("a", [owner(1, "a"), owner(0, "a", "2026-02-03T08:30:00Z")])).toBe(0);
    expect(slotFor("a", [owner(1, "a", "nonsense"), owner(0, "a")])).toBe(1);
  });

  test("a slot is read from its path, not from where it stands in a list", () => {
    expect(slotOfPath("/a3/b2c4d5e6f7/17/metadata.json")).toBe(17);
    expect(slotOfPath("/2/metadata.json")).toBe(2);
    expect([slotOfPath(""), slotOfPath("metadata.json"), slotOfPath("/x/metadata.json")]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test.each(["01", "-1", "1.0", "1e3", "٣", "9999999", " 1", ""])("a folder %j is no slot", (name) => {
    expect(slotOfName(name)).toBeUndefined();
  });
});

describe("the start of a checkpoint's part", () => {
  const lines = ['{"uuid":"u1"}', '{"parentUuid":"u2","uuid":"u1b"}', '{"uuid":"u2"}', "not JSON u9"];
  const start = (json: string) => startLineIn(transcriptStartOf(parseObject(json)), lines);

  test.each([
    ["the newer key", '{"checkpoint_transcript_start":3,"transcript_lines_at_start":1}', 3],
    [
      "its old twin where the newer one is 0",
      '{"checkpoint_transcript_start":0,"transcript_lines_at_start":2}',
      2,
    ],
    ["the line after the one that is named", '{"transcript_identifier_at_start":"u2"}', 3],
    ["a count before a name", '{"transcript_lines_at_start":1,"transcript_identifier_at_start":"u2"}', 1],
    ["0 where the line that is named is gone", '{"transcript_identifier_at_start":"u9"}', 0],
    ["0 where nothing is said", "{}", 0],
    ["0 for what is no count", '{"checkpoint_transcript_start":-4,"transcript_lines_at_start":1.5}', 0],
    ["0 for an empty name", '{"transcript_identifier_at_start":""}', 0],
  ])("is %s", (_rule, json, expected) => {
    expect(start(json)).toBe(expected);
  });
});
