import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isHoldfastError } from "./errors.ts";
import { type PriceRow, priceTable } from "./price-table.ts";
import { parsePrices, priceOf } from "./prices.ts";
import { noTokens, type Tokens } from "./usage.ts";

const now = Date.parse("2026-11-21T00:00:00Z");

describe("priceOf", () => {
  it.each([
    ["input", 1_000_000, 4_000_000],
    ["output", 1_000_000, 20_000_000],
    ["cacheRead", 1_000_000, 200_000],
    ["cacheWrite5m", 1_000_000, 5_000_000],
    ["cacheWrite1h", 1_000_000, 8_000_000],
  ] as const)("charges %s at its own price", (kind, count, microDollars) => {
    expect(price("claude-opus-5-5", { [kind]: count })).toBe(microDollars);
  });

  it("rounds the whole response once, half up, not each kind of token", () => {
    expect(price("claude-3-haiku-20240307", { input: 1, cacheRead: 8, output: 0 })).toBe(0);
    expect(price("claude-3-haiku-20240307", { input: 2 })).toBe(1);
    expect(price("claude-3-haiku-20240307", { input: 1, cacheWrite1h: 1, cacheRead: 25 })).toBe(2);
    expect(price("claude-haiku-5-5", { input: 4, cacheRead: 9 })).toBe(0);
    expect(price("claude-haiku-5-5", { input: 4, cacheRead: 10 })).toBe(1);
  });

  it("prices any numbers of tokens like exact fractions do", () => {
    const count = fc.nat(1_000_000_000);
    const tokens = fc.record({
      input: count,
      output: count,
      cacheRead: count,
      cacheWrite5m: count,
      cacheWrite1h: count,
    });
    fc.assert(
      fc.property(tokens, (some) => {
        const millionths =
          BigInt(some.input) * 3_000_000n +
          BigInt(some.output) * 15_000_000n +
          BigInt(some.cacheRead) * 300_000n +
          BigInt(some.cacheWrite5m) * 3_750_000n +
          BigInt(some.cacheWrite1h) * 6_000_000n;
        const twice = (millionths * 2n) / 1_000_000n;
        expect(price("claude-sonnet-4-6", some)).toBe(Number(twice / 2n + (twice % 2n)));
      }),
    );
  });

  it("takes the newest row that is not later than the response", () => {
    const cutMs = Date.parse("2026-10-07T00:00:00Z");
    const tokens = { cacheRead: 1_000_000 };
    expect(price("claude-sonnet-5-5", tokens, { atMs: cutMs - 1 })).toBe(200_000);
    expect(price("claude-sonnet-5-5", tokens, { atMs: cutMs })).toBe(100_000);
    expect(price("claude-sonnet-5-5", tokens, { atMs: Date.parse("2026-09-27T23:59:59Z") })).toBeNull();
  });

  it("charges a long prompt's price for all its tokens, and counts cached ones as prompt", () => {
    const edge = { input: 1, cacheRead: 49_999, cacheWrite5m: 25_000, cacheWrite1h: 25_000 };
    expect(price("claude-haiku-5-5", { ...edge, output: 1_000_000 })).toBe(508_625);
    expect(price("claude-haiku-5-5", { ...edge, input: 2, output: 1_000_000 })).toBe(2_543_126);
    expect(price("claude-haiku-5-5", { output: 1_000_000 })).toBe(500_000);
  });

  it("knows no price for a model, a platform or a way of serving that the table does not name", () => {
    const tokens = { input: 1_000_000 };
    for (const model of ["claude-opus-5-6", "claude-opus-5-5-fast", "anthropic.claude-opus-5-5", "opus", ""])
      expect(price(model, tokens), model).toBeNull();
    expect(price("claude-opus-5", tokens, { tier: "fast" })).toBe(10_000_000);
    expect(price("claude-opus-5", tokens, { tier: "fast+us" })).toBeNull();
    expect(price("claude-opus-5-5", tokens, { tier: "fast" })).toBeNull();
  });

  it("gives null rather than a price for counts or times that are none", () => {
    for (const count of [-1, 0.5, NaN, Infinity, 2 ** 53])
      expect(price("claude-opus-5-5", { input: count }), String(count)).toBeNull();
    expect(price("claude-opus-5-5", { input: 1 }, { atMs: NaN })).toBeNull();
    expect(price("claude-opus-3", { input: 1 }, { table: [row({ models: ["*"] })] })).toBe(1);
    const dear = row({ models: ["*"], microDollarsPerMillion: { input: 10_000_000_000 } });
    expect(price("claude-opus-3", { input: Number.MAX_SAFE_INTEGER }, { table: [dear] })).toBeNull();
  });

  it("prices a response only if all its kinds have a price", () => {
    const table = [row({ models: ["mine"], microDollarsPerMillion: { input: 1_000_000 } })];
    expect(price("mine", { input: 3 }, { table })).toBe(3);
    expect(price("mine", { input: 3, output: 1 }, { table })).toBeNull();
  });

  it("lets the user's rows win for the models and days that they name, and no others", () => {
    const table = [
      row({ models: ["claude-opus-5-*"], from: "2026-10-01", microDollarsPerMillion: { input: 7_000_000 } }),
    ];
    expect(price("claude-opus-5-5", { input: 1 }, { table })).toBe(7);
    expect(price("claude-opus-5-5", { input: 1 }, { table, atMs: Date.parse("2026-09-30") })).toBe(4);
    expect(price("claude-opus-5", { input: 1 }, { table })).toBe(5);
  });

  it("takes the closest pattern before the newest day, however the rows are ordered", () => {
    const rows = [
      row({ models: ["*"], from: "2026-11-01", microDollarsPerMillion: { input: 1_000_000 } }),
      row({ models: ["claude-*"], from: "2026-10-02", microDollarsPerMillion: { input: 2_000_000 } }),
      row({ models: ["claude-*"], from: "2026-10-01", microDollarsPerMillion: { input: 3_000_000 } }),
      row({ models: ["x", "claude-new"], from: "2026-09-01", microDollarsPerMillion: { input: 4_000_000 } }),
    ];
    for (const table of [rows, rows.toReversed()]) {
      expect(price("other", { input: 1 }, { table })).toBe(1);
      expect(price("claude-old", { input: 1 }, { table })).toBe(2);
      expect(price("claude-new", { input: 1 }, { table })).toBe(4);
    }
  });

  it.each([
    ["a*c", ["ac", "abc", "a*c"], ["a", "c", "acb", "bac", "A-c"]],
    ["*b*", ["b", "abc"], ["", "ac"]],
    ["ab*ba", ["abba", "abcba"], ["aba"]],
    ["a*b*b", ["abb", "axbyb"], ["ab", "ba"]],
    ["a*xy*y", ["axyy"], ["axy", "ay"]],
    ["a.c", ["a.c"], ["abc"]],
    ["*", ["", "a"], []],
    ["**", ["", "a"], []],
  ])("reads %s as a pattern for a whole id", (pattern, fitting, others) => {
    const table = [row({ models: [pattern] })];
    for (const model of fitting) expect(price(model, { input: 1 }, { table }), model).toBe(1);
    for (const model of others) expect(price(model, { input: 1 }, { table }), model).toBeNull();
  });
});

describe("the bundled price table", () => {
  it("holds to the rules for a user's table", () => {
    expect(parsePrices(JSON.stringify(priceTable))).toEqual(priceTable);
  });

  it("prices every kind of token in every row", () => {
    for (const { models, microDollarsPerMillion, longPrompt } of priceTable)
      for (const prices of [
        microDollarsPerMillion,
        longPrompt?.microDollarsPerMillion ?? microDollarsPerMillion,
      ])
        expect(Object.keys(prices).toSorted(), models[0]).toEqual(Object.keys(noTokens).toSorted());
  });

  it("orders the prices as the provider does: a cache read is cheapest, then input, both writes, and output", () => {
    for (const { models, microDollarsPerMillion, longPrompt } of priceTable)
      for (const prices of [
        microDollarsPerMillion,
        longPrompt?.microDollarsPerMillion ?? microDollarsPerMillion,
      ]) {
        const { cacheRead, input, cacheWrite5m, cacheWrite1h, output } = prices as Tokens;
        const order = [cacheRead, input, cacheWrite5m, cacheWrite1h, output];
        expect(order, models[0]).toEqual(order.toSorted((a, b) => a - b));
      }
  });
});

describe("parsePrices", () => {
  it("reads rows of every shape", () => {
    const rows: readonly PriceRow[] = [
      row({}),
      row({ tier: "fast", longPrompt: { overTokens: 0, microDollarsPerMillion: { output: 0 } } }),
      row({ from: "2024-02-29" }),
    ];
    expect(parsePrices(JSON.stringify(rows))).toEqual(rows);
    expect(parsePrices("[]")).toEqual([]);
  });

  it.each([
    ["no object", 7, "is no JSON object"],
    ["null", null, "is no JSON object"],
    ["a list", [], "is no JSON object"],
    ["no models", { ...row({}), models: [] }, '"models"'],
    ["one id without a list", { ...row({}), models: "claude" }, '"models"'],
    ["an empty id", { ...row({}), models: ["a", ""] }, '"models"'],
    ["no day", { ...row({}), from: 20261007 }, '"from"'],
    ["a time of day", { ...row({}), from: "2026-10-07T10:00:00Z" }, '"from"'],
    ["a day that does not exist", { ...row({}), from: "2026-02-30" }, '"from"'],
    ["a month that does not exist", { ...row({}), from: "2026-13-01" }, '"from"'],
    ["a nameless tier", { ...row({}), tier: "" }, '"tier"'],
    ["a mistyped key", { ...row({}), long_prompt: {} }, '"long_prompt"'],
    ["no prices", { ...row({}), microDollarsPerMillion: {} }, "no prices"],
    ["prices that are no object", { ...row({}), microDollarsPerMillion: 3 }, "no prices"],
    ["a mistyped kind", { ...row({}), microDollarsPerMillion: { cache_read: 1 } }, '"cache_read"'],
    ["a fraction", { ...row({}), microDollarsPerMillion: { input: 6.25 } }, '"input"'],
    ["a negative price", { ...row({}), microDollarsPerMillion: { input: -1 } }, '"input"'],
    ["a price as text", { ...row({}), microDollarsPerMillion: { output: "3" } }, '"output"'],
    ["an absurd price", { ...row({}), microDollarsPerMillion: { output: 10_000_000_001 } }, '"output"'],
    ["a long prompt that is no object", { ...row({}), longPrompt: 5 }, '"longPrompt"'],
    [
      "a long prompt from nowhere",
      { ...row({}), longPrompt: { microDollarsPerMillion: { input: 1 } } },
      '"overTokens"',
    ],
    ["a long prompt without prices", { ...row({}), longPrompt: { overTokens: 5 } }, "no prices"],
    [
      "a mistyped key of a long prompt",
      { ...row({}), longPrompt: { overTokens: 5, microDollarsPerMillion: { input: 1 }, x: 1 } },
      '"x"',
    ],
    ["a price for what row 1 has priced", row({ models: ["b", "a"], from: "2026-01-01" }), "row 1"],
  ])("refuses %s and names the row", (_, bad, part) => {
    const text = JSON.stringify([row({ models: ["a"], from: "2026-01-01" }), bad]);
    const error = refusal(text);
    expect(error.message).toMatch(/^Row 2 /);
    expect(error.message).toContain(part);
    expect(error.data).toEqual({ row: 2 });
  });

  it.each(["", "{", "{}", "null", '"[]"'])("refuses %j, which is no array", (text) => {
    expect(refusal(text).message).toContain("no JSON array");
  });

  it("tells one model's tiers and days apart", () => {
    const rows = [row({}), row({ tier: "fast" }), row({ from: "2026-01-02" })];
    expect(parsePrices(JSON.stringify(rows))).toHaveLength(3);
  });
});

function price(
  model: string,
  tokens: Partial<Tokens>,
  {
    atMs = now,
    ...rest
  }: { readonly atMs?: number; readonly tier?: string; readonly table?: PriceRow[] } = {},
): number | null {
  return priceOf({ model, atMs, tokens: { ...noTokens, ...tokens }, ...rest });
}

function row(fields: Partial<PriceRow>): PriceRow {
  return { models: ["a"], from: "2025-01-01", microDollarsPerMillion: { input: 1_000_000 }, ...fields };
}

function refusal(text: string): { readonly message: string; readonly data: object } {
  try {
    parsePrices(text);
  } catch (error) {
    if (isHoldfastError(error) && error.code === "usage") return error;
    throw error;
  }
  throw new Error("it was not refused");
}
