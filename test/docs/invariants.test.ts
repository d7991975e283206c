import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/invariants.md"), "utf8");
const rows = [...page.matchAll(/^\| (\d+) \| (.*?) \| (.*) \|$/gm)].map(([, number, , cell]) => {
  const tests = [...cell!.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+\.ts)\)/g)];
  return {
    number: Number(number),
    cell: cell!,
    tests: tests.map(([, title, file]) => ({ title: title!, file: file! })),
  };
});

describe("the table of invariants", () => {
  test("has all 68 in order", () => {
    expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 68 }, (_, index) => index + 1));
  });

  test.for(rows)("names tests that are there, or says why none applies: $number", ({ tests, cell }) => {
    if (tests.length === 0) expect(cell).toMatch(/^(Does not apply|Open): [^.]{20,}/);
    const missing = tests.filter(({ title, file }) => !holds(join(root, file), title));
    expect(missing).toEqual([]);
  });

  test("would notice a test that was renamed, or that is but a word in a file", () => {
    const file = join(root, "test/docs/invariants.test.ts");
    expect(holds(file, "has all 68 in order")).toBe(true);
    expect(holds(file, "has all 69 in order")).toBe(false);
    expect(holds(file, "the table of invariants")).toBe(false);
    expect(holds(file, "68 in order")).toBe(false);
  });
});

/** Whether a file has a test of exactly this title, as its source says it. */
function holds(path: string, title: string): boolean {
  const source = readFileSync(path, "utf8");
  const literal = title.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?<!describe)\(\s*(["'\x60])${literal}\1,`).test(source);
}
