import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Tokens } from "../core/usage.ts";
import { Tally } from "./tally.ts";

describe("a tally", () => {
  it("names the first 200 files in order of their paths and counts all, in whatever order they come", () => {
    const property = fc.property(fc.array(fc.nat(400), { maxLength: 700, size: "max" }), (numbers) => {
      let tally = new Tally(1);
      for (const [at, number] of numbers.entries()) {
        tally.add({ turns: 0, toolCalls: 0, files: [pathOf(number)], responses: [] });
        if (at % 50 === 0) tally = Tally.from(tally.body);
      }
      const all = [...new Set(numbers.map(pathOf))].toSorted();
      const filesTouched = { paths: all.slice(0, 200), total: all.length };
      expect(tally.statistics.filesTouched).toEqual(filesTouched);
    });
    fc.assert(property, { seed: 20_261_121 });
  });

  it("does not grow with the responses of a session", () => {
    const tally = new Tally(1);
    const use = (n: number) =>
      tally.add({ turns: 0, toolCalls: 0, files: [], responses: [{ key: `r-${n}`, tokens: tokensOf(1) }] });
    for (let n = 0; n < 1000; n += 1) use(n);
    const before = tally.body.length;
    for (let n = 1000; n < 2000; n += 1) use(n);
    expect(tally.body.length).toBeLessThan(before + 20);
    expect(tally.statistics.tokens).toEqual(tokensOf(2000));
  });
});

function pathOf(number: number): string {
  return `/src/${number}.ts`;
}

function tokensOf(n: number): Tokens {
  return { input: n, output: 2 * n, cacheRead: 3 * n, cacheWrite5m: 4 * n, cacheWrite1h: 5 * n };
}
