import { describe, expect, it } from "vitest";
import { blocksOf } from "./transcript-entry.ts";

const compact =
  "<command-name>/compact</command-name>\n            <command-message>compact</command-message>\n            <command-args>keep the plan</command-args>";

describe("a slash command", () => {
  it("is shown as it was typed, in either order of its tags and without arguments", () => {
    expect(blocksOf(entry(compact))).toEqual([{ kind: "user", text: "/compact keep the plan" }]);
    const other =
      "<command-message>review</command-message>\n<command-name>/review</command-name>\n<command-args></command-args>";
    expect(blocksOf(entry(other))).toEqual([{ kind: "user", text: "/review" }]);
    const system = JSON.stringify({ type: "system", subtype: "local_command", content: compact });
    expect(blocksOf(system)).toEqual([{ kind: "user", text: "/compact keep the plan" }]);
  });

  it("keeps what the user wrote behind it, also in another part of the message", () => {
    expect(blocksOf(entry(`${compact}\n\nand then go on`))).toEqual([
      { kind: "user", text: "/compact keep the plan" },
      { kind: "user", text: "and then go on" },
    ]);
    const parts = [compact, "and then go on"].map((text) => ({ type: "text", text }));
    expect(blocksOf(entry(parts))).toHaveLength(2);
  });

  it("is none where a text only speaks of the tags, or has no end", () => {
    for (const text of [`What does ${compact} mean?`, "<command-name>/compact", "<b>bold</b>"])
      expect(blocksOf(entry(text))).toEqual([{ kind: "user", text }]);
    const answer = JSON.stringify({
      type: "assistant",
      message: { content: [{ type: "text", text: compact }] },
    });
    expect(blocksOf(answer)).toEqual([{ kind: "assistant", text: compact }]);
  });
});

describe("what a command of the user's printed", () => {
  it("is its text, without colours and tags; nothing where it printed nothing", () => {
    const printed = "<local-command-stdout>\u001b[2mCompacted \u001b[22m</local-command-stdout>";
    expect(blocksOf(entry(printed))).toEqual([{ kind: "output", text: "Compacted", failed: false }]);
    expect(blocksOf(entry("<local-command-stdout></local-command-stdout>"))).toEqual([]);
    expect(blocksOf(entry("<local-command-stderr>Error: no</local-command-stderr>"))).toEqual([
      { kind: "output", text: "Error: no", failed: true },
    ]);
  });

  it("comes with the shell command that the user typed", () => {
    expect(blocksOf(entry("<bash-input>ls -la</bash-input>"))).toEqual([{ kind: "user", text: "! ls -la" }]);
    expect(blocksOf(entry("<bash-stdout>one\ntwo</bash-stdout><bash-stderr>bad</bash-stderr>"))).toEqual([
      { kind: "output", text: "one\ntwo", failed: false },
      { kind: "output", text: "bad", failed: true },
    ]);
  });
});

function entry(content: unknown): string {
  return JSON.stringify({ type: "user", message: { role: "user", content } });
}
