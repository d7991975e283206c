import { describe, expect, test } from "vitest";
import {
  checkpointMessage,
  finalizeMessage,
  idOfMessage,
  importMessage,
  summaryMessage,
} from "./commit-message.ts";
import { findingOf } from "./findings.ts";

const id = "a3b2c4d5e6f7";
const sessions = [{ sessionId: "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934", agent: "Claude Code" }];

describe("the message of a checkpoint's commit", () => {
  test("it is the one that the format's other writers give", () => {
    expect(checkpointMessage({ id, sessions, strategy: "manual-commit" })).toBe(
      `Checkpoint: ${id}\n\nEntire-Session: 5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934\nEntire-Strategy: manual-commit\nEntire-Agent: Claude Code\n`,
    );
  });

  test("a subagent's record has its subject above the trailers", () => {
    const message = checkpointMessage({
      id,
      sessions: [],
      strategy: "s",
      taskSubject: "Task done",
      taskPath: "tasks/toolu_1",
    });
    expect(message).toBe(
      `Checkpoint: ${id}\n\nTask done\n\nEntire-Metadata-Task: tasks/toolu_1\nEntire-Strategy: s\n`,
    );
  });

  test("a value with a line break begins no trailer of its own", () => {
    const message = checkpointMessage({
      id,
      sessions: [{ sessionId: "x\nEntire-Checkpoint: 0123456789ab" }],
      strategy: "a\u2028b",
    });
    expect(message.split("\n").slice(2)).toEqual([
      "Entire-Session: x Entire-Checkpoint: 0123456789ab",
      "Entire-Strategy: a b",
      "",
    ]);
  });

  test("the subjects that name a checkpoint are known again", () => {
    expect(idOfMessage(checkpointMessage({ id, sessions, strategy: "s" }))).toBe(id);
    expect(idOfMessage(finalizeMessage(id))).toBe(id);
    expect(idOfMessage(`Finalize checkpoint: ${id}\n`)).toBe(id);
    expect(idOfMessage("Merge remote session logs")).toBeUndefined();
    expect([importMessage(id), summaryMessage({ id, sessionId: "s" })]).toEqual([
      `Import checkpoint ${id} (migrated from git-branch)`,
      `Update summary for checkpoint ${id} (session: s)`,
    ]);
  });
});

describe("a finding", () => {
  test("it has the severity of its code, and shows no control characters of what it found", () => {
    expect(findingOf("entry_unsafe", "0/\u001B[2J\u202E", "An entry is no plain file.")).toMatchObject({
      severity: "error",
      where: "0/\u{FFFD}[2J\u{FFFD}",
    });
    expect(findingOf("path_missing", "x".repeat(500), "").where).toHaveLength(201);
  });
});
