import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PriceRow } from "../../core/price-table.ts";
import { noTokens, type UsageRow } from "../../core/usage.ts";
import { greaterUsage } from "../../core/usage.ts";
import { type TranscriptEntry, usageOf } from "./usage.ts";

const firstMs = Date.parse("2026-11-20T23:59:00Z");

describe("usageOf", () => {
  it("counts a response of several entries once, with the usage of its last", () => {
    const entries = [
      block({ output: 1 }),
      block({ output: 1, atMs: firstMs + 1 }),
      block({ output: 90, atMs: firstMs + 2 }),
    ];
    expect(rowsOf(entries)).toEqual([
      {
        key: '["msg_1","req_1"]',
        model: "claude-opus-4-8",
        atMs: firstMs + 2,
        tokens: { input: 100, output: 90, cacheRead: 2000, cacheWrite5m: 30, cacheWrite1h: 4 },
        // 500 + 2,250 + 1,000 + 187.5 + 40
        microDollars: 3978,
      },
    ]);
  });

  it("dates a response by its first block where all blocks have the full usage", () => {
    expect(rowsOf([block({ atMs: firstMs + 5 }), block({})])[0]?.atMs).toBe(firstMs);
  });

  it("keeps what a response used when a fork copies it with its usage set to zero", () => {
    const zeroed = edited(block({}), ({ message }) => {
      message.usage = { input_tokens: 0, output_tokens: 0, cache_read_input_tokens: 0 };
    });
    for (const entries of [
      [block({}), zeroed],
      [zeroed, block({})],
    ])
      expect(rowsOf(entries)).toEqual(rowsOf([block({})]));
    expect(rowsOf([zeroed])).toEqual([]);
  });

  it("counts nothing for what the SDK wrote itself, for other entries, and for text that is no entry", () => {
    const bodies = [
      edited(block({}), (entry) => (entry.message.model = "<synthetic>")),
      edited(block({}), (entry) => (entry.type = "user")),
      edited(block({}), (entry) => (entry.message.usage = undefined)),
      { body: '{"type":"assistant"}' },
      { body: '{"type":"assistant","message":null}' },
      { body: '{"type":"assistant","message":"usage"}' },
      { body: '{"type":"system","subtype":"compact_boundary"}' },
      { body: "{torn}" },
      { body: "null" },
      { body: "[]" },
    ];
    expect(rowsOf(bodies)).toEqual([]);
  });

  it.each(["12", -1, 0.5, null, true, [5], {}, 1e300, 1_000_000_001])(
    "takes no tokens from a count of %j, and the others as they are",
    (odd) => {
      for (const field of ["input_tokens", "cache_read_input_tokens"]) {
        const [row] = rowsOf([withUsage({ [field]: odd })]);
        const zero = field === "input_tokens" ? { input: 0 } : { cacheRead: 0 };
        expect(row?.tokens).toEqual({
          input: 100,
          output: 50,
          cacheRead: 2000,
          cacheWrite5m: 30,
          cacheWrite1h: 4,
          ...zero,
        });
      }
    },
  );

  it.each([
    ["a breakdown", { cache_creation_input_tokens: 34, cache_creation: breakdown(30, 4) }, 30, 4],
    ["no breakdown", { cache_creation_input_tokens: 34 }, 34, 0],
    ["an empty breakdown", { cache_creation_input_tokens: 34, cache_creation: {} }, 34, 0],
    ["an odd breakdown", { cache_creation_input_tokens: 34, cache_creation: breakdown("30", NaN) }, 34, 0],
    ["half a breakdown", { cache_creation_input_tokens: 34, cache_creation: breakdown(undefined, 4) }, 30, 4],
    ["a breakdown alone", { cache_creation: breakdown(30, 4) }, 30, 4],
    ["a sum that is less", { cache_creation_input_tokens: 1, cache_creation: breakdown(30, 4) }, 30, 4],
  ])("tells cache writes apart given %s", (_, fields, cacheWrite5m, cacheWrite1h) => {
    const entry = edited(block({}), ({ message }) => (message.usage = { input_tokens: 1, ...fields }));
    expect(rowsOf([entry])[0]?.tokens).toMatchObject({ cacheWrite5m, cacheWrite1h });
  });

  it("leaves unpriced what the price of tokens does not cover, and still counts its tokens", () => {
    const extras = [
      { speed: "fast" },
      { service_tier: "batch" },
      { inference_geo: "us" },
      { server_tool_use: { web_search_requests: 1 } },
      { iterations: [{ type: "message" }, { type: "compaction" }] },
      { fallback_credit: { tokens: 1 } },
    ];
    for (const extra of extras) {
      expect(rowsOf([withUsage(extra)])[0], JSON.stringify(extra)).toMatchObject({
        tokens: { output: 50 },
        microDollars: null,
      });
    }
  });

  it("prices what was served in the standard way, however that is written", () => {
    const plain = [
      { speed: "standard", service_tier: "standard", inference_geo: "" },
      { speed: null, service_tier: null, inference_geo: "not_available" },
      {
        inference_geo: "global",
        iterations: [{ type: "message" }],
        server_tool_use: { web_search_requests: 0 },
      },
      { iterations: null, server_tool_use: null, fallback_credit: null },
    ];
    for (const extra of plain) {
      expect(rowsOf([withUsage(extra)])[0]?.microDollars, JSON.stringify(extra)).toBe(2978);
    }
  });

  it("prices fast mode by its own row, and any model and way of serving by the user's", () => {
    const fast = edited(block({}), ({ message }) => {
      message.model = "claude-opus-5";
      message.usage = { output_tokens: 1000, speed: "fast" };
    });
    expect(rowsOf([fast])[0]?.microDollars).toBe(50_000);
    const own = edited(block({}), ({ message }) => {
      message.model = "local";
      message.usage = { output_tokens: 1000 };
    });
    const prices: readonly PriceRow[] = [
      { models: ["local"], from: "2026-01-01", microDollarsPerMillion: { output: 2_000_000 } },
    ];
    expect(rowsOf([own])[0]?.microDollars).toBeNull();
    expect(usageOf([own], { ...params, prices })[0]?.microDollars).toBe(2000);
    const fastUs: readonly PriceRow[] = [
      { models: ["*"], tier: "fast+us", from: "2026-01-01", microDollarsPerMillion: { output: 7_000_000 } },
    ];
    const both = edited(own, ({ message }) => {
      message.usage = { output_tokens: 1000, inference_geo: "us", speed: "fast" };
    });
    expect(usageOf([own, both], { ...params, prices: fastUs })[0]?.microDollars).toBe(7000);
  });

  it("counts a model without a name as unknown", () => {
    for (const model of [undefined, null, 7, "", "a\0b"]) {
      const entry = edited(block({}), ({ message }) => (message.model = model));
      expect(rowsOf([entry])[0]).toMatchObject({ model: "unknown", microDollars: null });
    }
  });

  it("takes the time from the entry itself, then from the store", () => {
    for (const timestamp of [
      undefined,
      5,
      "yesterday",
      "2026-11-20",
      "2026-11-20T10:00:00",
      "2026-99-99T10:00:00Z",
    ]) {
      const entry = edited(block({}), (fields) => (fields.timestamp = timestamp));
      expect(rowsOf([{ ...entry, atMs: 77 }])[0]?.atMs, String(timestamp)).toBe(77);
      expect(rowsOf([entry])[0]?.atMs).toBe(0);
    }
    const zoned = edited(block({}), (fields) => (fields.timestamp = "2026-11-20T01:00:00+02:00"));
    expect(rowsOf([zoned])[0]?.atMs).toBe(Date.parse("2026-11-19T23:00:00Z"));
  });

  it("names a response without ids by its lineage and content, not by what a fork changes", () => {
    const nameless = edited(block({}), (entry) => {
      entry.requestId = undefined;
      entry.message.id = undefined;
    });
    const copy = edited(nameless, (entry) => {
      entry.uuid = "other";
      entry.sessionId = "fork";
      entry.timestamp = "2026-11-21T05:00:00Z";
    });
    const other = edited(nameless, ({ message }) => (message.content = [{ type: "text", text: "other" }]));
    expect(rowsOf([nameless, copy])).toHaveLength(1);
    expect(rowsOf([nameless, other])).toHaveLength(2);
    const keys = ["a", "b"].map((lineage) => usageOf([nameless], { ...params, lineage })[0]?.key);
    expect(new Set(keys).size).toBe(2);
    expect(keys[0]).toBe(JSON.stringify(["a", hash('["claude-opus-4-8",[{"type":"text","text":"hi"}]]')]));
  });

  it("tells responses apart by either id, and takes an empty or odd id for none", () => {
    const variants = [
      ["msg_1", "req_1"],
      ["msg_1", undefined],
      [undefined, "req_1"],
      ["msg_2", "req_1"],
    ].map(([id, requestId]) =>
      edited(block({}), (entry) => {
        entry.message.id = id;
        entry.requestId = requestId;
      }),
    );
    expect(rowsOf(variants)).toHaveLength(4);
    const odd = edited(block({}), (entry) => {
      entry.message.id = 5;
      entry.requestId = "";
    });
    expect(rowsOf([odd])[0]?.key).toContain('"root"');
  });

  it("never throws, and never finds more tokens than it was told, whatever the entry holds", () => {
    const bodies = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .record({ message: fc.jsonValue(), usage: fc.jsonValue(), cache: fc.jsonValue(), id: fc.jsonValue() })
        .map(({ message, usage, cache, id }) =>
          JSON.stringify({
            type: "assistant",
            requestId: id,
            timestamp: id,
            message:
              message === null ? { id, usage: { input_tokens: usage, cache_creation: cache } } : message,
          }),
        ),
    );
    fc.assert(
      fc.property(fc.array(bodies), (some) => {
        for (const { tokens, atMs } of rowsOf(some.map((body) => ({ body })))) {
          expect(Object.values(tokens).every((count) => Number.isSafeInteger(count) && count >= 0)).toBe(
            true,
          );
          expect(Number.isSafeInteger(atMs) && atMs >= 0).toBe(true);
        }
      }),
    );
  });
});

describe("greaterUsage", () => {
  it("keeps a row that has a price, and the earlier of two that are equal, in either order", () => {
    const row: UsageRow = { key: "k", model: "m", atMs: 5, tokens: noTokens, microDollars: 1 };
    const better: readonly (readonly [UsageRow, UsageRow])[] = [
      [row, { ...row, microDollars: null, atMs: 1 }],
      [{ ...row, atMs: 4 }, row],
      [
        { ...row, tokens: { ...noTokens, output: 2 } },
        { ...row, tokens: { ...noTokens, output: 1, input: 9 } },
      ],
    ];
    for (const [greater, lesser] of better) {
      expect(greaterUsage(greater, lesser)).toBe(greater);
      expect(greaterUsage(lesser, greater)).toBe(greater);
    }
  });

  it("keeps the price of the time when a response is seen again after the prices changed", () => {
    const row: UsageRow = { key: "k", model: "m", atMs: 5, tokens: noTokens, microDollars: 1 };
    expect(greaterUsage(row, { ...row, microDollars: 2 })).toBe(row);
  });
});

const params = { lineage: "root", contentHash: hash };

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function rowsOf(entries: readonly TranscriptEntry[]): readonly UsageRow[] {
  return usageOf(entries, params);
}

interface BlockParams {
  readonly id?: string;
  readonly requestId?: string;
  readonly output?: number;
  readonly atMs?: number;
  readonly text?: string;
}

function block({
  id = "msg_1",
  requestId = "req_1",
  output = 50,
  atMs = firstMs,
  text = "hi",
}: BlockParams): TranscriptEntry {
  const usage = {
    input_tokens: 100,
    output_tokens: output,
    cache_read_input_tokens: 2000,
    cache_creation_input_tokens: 34,
    cache_creation: breakdown(30, 4),
    server_tool_use: { web_search_requests: 0, web_fetch_requests: 0 },
    service_tier: "standard",
    inference_geo: "",
    iterations: [],
    speed: "standard",
  };
  const message = { id, type: "message", model: "claude-opus-4-8", content: [{ type: "text", text }], usage };
  const timestamp = new Date(atMs).toISOString();
  return { body: JSON.stringify({ type: "assistant", uuid: "u", requestId, timestamp, message }) };
}

function breakdown(short: unknown, long: unknown): object {
  return { ephemeral_5m_input_tokens: short, ephemeral_1h_input_tokens: long };
}

/** What an edit may change: anything, to anything; what is undefined is left out. */
interface Fields {
  [name: string]: unknown;
  message: { [name: string]: unknown };
}

function edited(entry: TranscriptEntry, edit: (fields: Fields) => void): TranscriptEntry {
  const fields = JSON.parse(entry.body) as Fields;
  edit(fields);
  return { ...entry, body: JSON.stringify(fields) };
}

function withUsage(change: object, entry = block({})): TranscriptEntry {
  return edited(entry, ({ message }) => (message.usage = { ...(message.usage as object), ...change }));
}
