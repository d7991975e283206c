import { describe, expect, it } from "vitest";
import { openCalls, orphanResults, readTranscript } from "./transcript.ts";

function entry(type: string, content: unknown, part: object = {}): string {
  return JSON.stringify({ parentUuid: null, type, uuid: "u", message: { role: type, content }, ...part });
}

const call = { type: "tool_use", id: "c1", name: "x", input: {} };
const answer = { type: "tool_result", tool_use_id: "c1", content: "ok" };

describe("a transcript", () => {
  it.each(["claude-code", "scripted"])("is read by what was said, called and given back: %s", (provider) => {
    const bodies = [
      entry("user", "a prompt as text"),
      entry("assistant", [call], {
        uuid: "u2",
        message: { id: "m", content: [{ type: "text", text: "a" }, call] },
      }),
      entry("user", [answer], { uuid: 7 }),
      '{"type":"mode","uuid":"u4"}',
    ];
    const { said, unreadable, leaf } = readTranscript(provider, bodies);
    expect(unreadable).toBe(0);
    expect(leaf).toBe("u2");
    expect(said).toMatchObject([
      { role: "user", uuid: "u", answer: undefined, toolCalls: [], toolResults: [] },
      { role: "assistant", uuid: "u2", answer: "m", toolCalls: ["c1"], toolResults: [] },
      { role: "user", uuid: undefined, toolCalls: [], toolResults: ["c1"] },
    ]);
  });

  it("says nothing where its provider is not known, but tells what is damaged", () => {
    const transcript = readTranscript("cursor", [entry("user", [answer]), "{", "[]"]);
    expect(transcript).toEqual({ said: [], leaf: undefined, unreadable: 2 });
    expect(readTranscript("claude-code", ["{"]).unreadable).toBe(1);
  });

  it("leaves out what a subagent said beside the conversation", () => {
    const bodies = [entry("assistant", [call], { isSidechain: true, uuid: "side" })];
    expect(readTranscript("claude-code", bodies)).toEqual({ said: [], leaf: undefined, unreadable: 0 });
  });

  it("takes calls from the assistant and results from the user alone, and odd shapes for none", () => {
    const odd = [
      entry("user", [call]),
      entry("assistant", [answer]),
      entry("assistant", [7, null, "x", [call], { type: "tool_use", id: 7 }, { type: "tool_use" }]),
      '{"type":"assistant"}',
      '{"type":"assistant","message":[]}',
      '{"type":"user","message":{"content":{"type":"tool_result"}}}',
    ];
    const transcript = readTranscript("claude-code", odd);
    expect(transcript.said).toHaveLength(6);
    expect([openCalls(transcript), orphanResults(transcript)]).toEqual([[], []]);
  });

  it("names the calls without a result in order, each once, and the results without a call", () => {
    const calls = (...ids: string[]): string =>
      entry(
        "assistant",
        ids.map((id) => ({ ...call, id })),
      );
    const result = (id: string): string => entry("user", [{ ...answer, tool_use_id: id }]);
    const bodies = [calls("a", "b"), result("lost"), calls("c", "a"), result("b")];
    const transcript = readTranscript("claude-code", bodies);
    expect(openCalls(transcript)).toEqual(["a", "c"]);
    expect(orphanResults(transcript)).toEqual(["lost"]);
  });
});
