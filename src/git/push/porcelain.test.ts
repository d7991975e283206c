import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPorcelain } from "./porcelain.ts";

const ref = "refs/entire/checkpoints/f7/a3b2c4d5e6f7";
const of = (...lines: readonly string[]) =>
  readPorcelain(["To /remote", ...lines, "Done"].join("\n")).get(ref);

describe("what a push came to", () => {
  test.each([
    ["*", "[new reference]", "updated"],
    [" ", "1111111..2222222", "updated"],
    ["=", "[up to date]", "up-to-date"],
    ["!", "[rejected] (fetch first)", "conflict"],
    ["!", "[rejected] (non-fast-forward)", "conflict"],
    ["!", "[rejected] (stale info)", "conflict"],
    ["!", "[remote rejected] (failed to update ref)", "conflict"],
    ["!", "[remote rejected] (cannot lock ref 'x': reference already exists)", "conflict"],
    ["!", "[remote failure] (remote failed to report status)", "conflict"],
    ["!", "[remote rejected] (pre-receive hook declined)", "refused"],
    ["!", "[remote rejected] (hook declined)", "refused"],
    ["!", "[remote rejected] (unpacker error)", "refused"],
    ["!", "[no match]", "refused"],
  ])("%s %s is %s", (flag, summary, state) => {
    expect(of(`${flag}\t${ref}:${ref}\t${summary}`)?.state).toBe(state);
  });

  test("the reason is what stands in brackets, else what git says in their place", () => {
    expect(of(`!\t${ref}:${ref}\t[remote rejected] (no (never))`)?.reason).toBe("no (never)");
    expect(of(`!\t${ref}:${ref}\t[no match]`)?.reason).toBe("[no match]");
  });

  test("of several URLs the worst answer counts, in whatever order they come", () => {
    const lines = [
      `*\t${ref}:${ref}\t[new reference]`,
      `!\t${ref}:${ref}\t[remote rejected] (hook declined)`,
    ];
    expect(of(...lines)?.state).toBe("refused");
    expect(of(...lines.toReversed())?.state).toBe("refused");
  });

  test("whatever a remote prints, a line of its own is never taken for an answer that a ref has arrived", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const lines = text.split("\n").map((line) => `remote: ${line}`);
        expect(readPorcelain(lines.join("\n")).size).toBe(0);
        for (const { state } of readPorcelain(text).values())
          expect(["updated", "up-to-date", "conflict", "refused"]).toContain(state);
      }),
    );
  });
});
