import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PartUsage } from "./usage.ts";

function metadataOf(
  lines: readonly object[],
  before: readonly object[] = [],
): Readonly<Record<string, unknown>> {
  const usage = new PartUsage();
  for (const line of before) usage.before(JSON.stringify(line));
  for (const line of lines) usage.add(JSON.stringify(line));
  return usage.metadata();
}

function response(id: string, output: number, more: object = {}): object {
  const cache = {
    cache_creation_input_tokens: 50,
    cache_read_input_tokens: 200,
    cache_creation: { ephemeral_1h_input_tokens: 20 },
  };
  const usage = { input_tokens: 3, output_tokens: output, ...cache };
  const message = { id, model: "claude-x", role: "assistant", content: [], usage };
  return { type: "assistant", requestId: `req_${id}`, timestamp: "2026-04-01T10:00:05Z", message, ...more };
}

function count(input: number, cached: number, output: number): object {
  const total = {
    input_tokens: input,
    cached_input_tokens: cached,
    output_tokens: output,
    reasoning_output_tokens: 1,
  };
  const info = {
    total_token_usage: total,
    last_token_usage: { input_tokens: 70, cached_input_tokens: 20, output_tokens: 4 },
    model_context_window: 1000,
  };
  return { timestamp: "2026-04-01T10:00:00Z", type: "event_msg", payload: { type: "token_count", info } };
}

describe("PartUsage", () => {
  it("counts a response once, however many lines tell it, with what the fullest one tells", () => {
    const prompt = {
      type: "user",
      timestamp: "2026-04-01T10:00:00Z",
      message: { role: "user", content: "fix" },
    };
    const result = { type: "user", message: { role: "user", content: [{ type: "tool_result" }] } };
    const meta = { ...prompt, isMeta: true };
    expect(
      metadataOf([
        prompt,
        meta,
        response("a", 1),
        response("a", 9),
        response("a", 2),
        result,
        response("b", 4),
      ]),
    ).toEqual({
      model: "claude-x",
      token_usage: {
        input_tokens: 6,
        cache_creation_tokens: 100,
        cache_read_tokens: 400,
        output_tokens: 13,
        api_call_count: 2,
        cache_creation_1h_tokens: 40,
      },
      session_metrics: { duration_ms: 5000, turn_count: 1, context_tokens: 253 },
    });
  });

  it("counts nothing of what the agent made up, and of a part without responses", () => {
    const made = response("a", 5);
    expect(
      metadataOf([
        { ...made, message: { ...response("a", 5), model: "<synthetic>", usage: { input_tokens: 5 } } },
      ]),
    ).toEqual({ model: "" });
    expect(metadataOf([])).toEqual({ model: "" });
  });

  it("counts of Codex what its sums grew by in this part, and a sum that is told again not twice", () => {
    const before = [{ type: "turn_context", payload: { model: "gpt-x" } }, count(100, 60, 10)];
    const asked = { type: "event_msg", payload: { type: "user_message", message: "go" } };
    expect(metadataOf([asked, count(150, 90, 15), count(150, 90, 15), count(180, 100, 20)], before)).toEqual({
      model: "gpt-x",
      token_usage: {
        input_tokens: 40,
        cache_creation_tokens: 0,
        cache_read_tokens: 40,
        output_tokens: 10,
        api_call_count: 2,
      },
      session_metrics: { turn_count: 1, context_tokens: 70, context_window_size: 1000 },
    });
  });

  it("counts the first response of a Codex part by itself where nothing is known of what was before", () => {
    expect(metadataOf([count(1000, 600, 100)])).toMatchObject({
      token_usage: { input_tokens: 50, cache_read_tokens: 20, output_tokens: 4, api_call_count: 1 },
    });
  });

  it("goes on where a Codex session that was resumed counts from nothing", () => {
    expect(metadataOf([count(100, 0, 10), count(30, 0, 5)], [count(50, 0, 5)])).toMatchObject({
      token_usage: { input_tokens: 80, output_tokens: 10 },
    });
  });

  it("never throws, and never tells a number below nothing", () => {
    const hostile = fc.record({
      type: fc.jsonValue(),
      message: fc.record({
        id: fc.jsonValue(),
        usage: fc.dictionary(fc.constantFrom("input_tokens", "output_tokens"), fc.jsonValue()),
      }),
      payload: fc.option(
        fc.record({
          type: fc.constant("token_count"),
          info: fc.record({
            total_token_usage: fc.dictionary(
              fc.constantFrom("input_tokens", "cached_input_tokens"),
              fc.jsonValue(),
            ),
          }),
        }),
        { nil: undefined },
      ),
      timestamp: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.object(), hostile)), (lines) => {
        const tokens = (metadataOf(lines)["token_usage"] ?? {}) as Record<string, number>;
        for (const value of Object.values(tokens)) expect(value).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
