import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpuMs } from "../../test/cpu-time.ts";
import { columns } from "./columns.ts";
import { cut, cutStart, foldLine, widthOf } from "./width.ts";

describe("a line's width", () => {
  it.each([
    ["plain", 5],
    ["漢字", 4],
    ["e\u0301", 1],
    ["🙂!", 3],
    ["한글", 4],
    ["a\tb", 10],
  ])("counts the columns of %j as %i", (line, width) => {
    expect(widthOf(line)).toBe(width);
  });
});

describe("cutting", () => {
  it("keeps what fits, and shows that something is missing", () => {
    expect(cut("漢字漢字", 8)).toBe("漢字漢字");
    expect(cut("漢字漢字", 7)).toBe("漢字漢…");
    expect(cutStart("-home-dev-holdfast", 9)).toBe("…holdfast");
    expect(cutStart("short", 9)).toBe("short");
  });

  it("never passes the width and never halves a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 3, max: 40 }), (line, width) => {
        for (const short of [cut(line, width), cutStart(line, width)]) {
          expect(short.isWellFormed()).toBe(true);
          if (!line.includes("\t")) expect(widthOf(short)).toBeLessThanOrEqual(width);
        }
      }),
    );
  });
});

describe("folding", () => {
  it("breaks at spaces, inside a word only if it must, and keeps an indentation", () => {
    expect(foldLine("one two three", 8)).toEqual(["one two", "three"]);
    expect(foldLine("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
    expect(foldLine("    abcdefgh", 8)).toEqual(["    abcd", "efgh"]);
    expect(foldLine("", 8)).toEqual([""]);
    expect(foldLine("exactly8 next", 8)).toEqual(["exactly8", "next"]);
    expect(foldLine("a\u00a0b\u00a0 c", 4)).toEqual(["a\u00a0b\u00a0", "c"]);
  });

  it("loses nothing but spaces, and no line is too wide", () => {
    const text = fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.constant(" ")));
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 30 }), (parts, width) => {
        const line = parts.join("").replaceAll(/[\t\n\r]/g, "");
        const folded = foldLine(line, width);
        expect(folded.join("").replaceAll(" ", "")).toBe(line.replaceAll(" ", ""));
        for (const piece of folded) expect(widthOf(piece)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it("takes time in proportion to the line: 4 MB in one line within seconds", async () => {
    let folded: readonly string[] = [];
    expect(await cpuMs(() => (folded = foldLine("x".repeat(4_000_000), 80)))).toBeLessThan(5000);
    expect(folded).toHaveLength(50_000);
  });
});

describe("columns", () => {
  it("stay straight below wide characters, and end at the terminal's edge", () => {
    const rows = [
      ["漢字", "x"],
      ["a", "long last cell"],
    ];
    expect(columns(rows, Number.POSITIVE_INFINITY)).toEqual(["漢字  x", "a     long last cell"]);
    expect(columns(rows, 10)).toEqual(["漢字  x", "a     lon…"]);
  });
});
