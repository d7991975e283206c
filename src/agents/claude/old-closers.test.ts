import { describe, expect, test } from "vitest";
import type { ClaudeEntry } from "./contract.ts";
import { withoutOldClosers } from "./old-closers.ts";

interface Line {
  readonly uuid: string;
  readonly on?: string;
  readonly call?: string;
  readonly result?: string;
  readonly closer?: true;
}

/** A transcript in short: each line hangs on the one before it unless it says otherwise. */
function transcript(...lines: readonly Line[]): ClaudeEntry[] {
  return lines.map(({ uuid, on, call, result, closer }, index) => {
    const content =
      call !== undefined
        ? [{ type: "tool_use", id: call }]
        : result !== undefined
          ? [{ type: "tool_result", tool_use_id: result }]
          : "words";
    const isUsers = result !== undefined || uuid.startsWith("user");
    return {
      type: isUsers ? "user" : "assistant",
      uuid,
      parentUuid: on ?? lines[index - 1]?.uuid ?? null,
      message: { id: uuid, content },
      ...(closer && {
        holdfast: { closer: result === undefined ? "interrupted" : "tool_outcome_unknown", run: "1" },
      }),
    };
  });
}

const given = (...lines: readonly Line[]): unknown[] =>
  withoutOldClosers(transcript(...lines)).map(({ uuid }) => uuid);

const closers: readonly Line[] = [
  { uuid: "closing", on: "call", result: "t", closer: true },
  { uuid: "last word", closer: true },
];

describe("the closers of an interrupted run", () => {
  const [user, call] = [{ uuid: "user" }, { uuid: "call", call: "t" }];

  test("stay as long as nothing came in their place", () => {
    expect(given(user, call, ...closers)).toEqual(["user", "call", "closing", "last word"]);
    expect(given(user, call, ...closers, { uuid: "user 2" })).toHaveLength(5);
  });

  test("give way to what a rescue brought, and to nothing else of the transcript", () => {
    const rescued = [{ uuid: "real", on: "call", result: "t" }, { uuid: "words" }];
    expect(given(user, call, ...closers, ...rescued)).toEqual(["user", "call", "real", "words"]);
    const early = { ...call, on: "user" };
    expect(given(user, ...closers, early, ...rescued)).toEqual(["user", "call", "real", "words"]);
  });

  test("give way where the call itself came late", () => {
    const word: Line = { uuid: "last word", on: "user", closer: true };
    expect(given(user, word, { ...call, on: "user" }, { uuid: "real", result: "t" })).toEqual([
      "user",
      "call",
      "real",
    ]);
  });

  test("stay where the conversation went on from them", () => {
    const rescued = { uuid: "real", on: "call", result: "t" };
    const next = { uuid: "user 2", on: "last word" };
    expect(given(user, call, ...closers, next, rescued)).toHaveLength(6);
    expect(given(user, call, ...closers, rescued, next)).toHaveLength(6);
  });

  test("stay for the calls of which no result came", () => {
    const calls = [call, { uuid: "call 2", call: "t2" }];
    const open: readonly Line[] = [
      { uuid: "closing", on: "call", result: "t", closer: true },
      { uuid: "closing 2", on: "call 2", result: "t2", closer: true },
      { uuid: "last word", on: "closing 2", closer: true },
    ];
    const rescued = { uuid: "real", on: "call", result: "t" };
    expect(given(user, ...calls, ...open, rescued)).toEqual(["user", "call", "call 2", "closing 2", "real"]);
  });
});
