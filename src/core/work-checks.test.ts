import { describe, expect, test } from "vitest";
import { isHoldfastError } from "./errors.ts";
import { checkInput, checkParts, commitConflict, tailMismatch } from "./work-checks.ts";

const parts = [
  { log: "", from: 1, to: 2, sha256: "a" },
  { log: "@run/1", from: 1, to: 9, sha256: "b" },
];

describe("an input", () => {
  test("is taken with a key of 256 characters and a negative priority.", () => {
    checkInput({ key: "k".repeat(256), body: '{"a":1}', priority: -5 });
    checkInput({ key: "k", body: "{}" });
  });

  const faults = [
    { key: "" },
    { key: "k".repeat(257) },
    { key: "a\0b" },
    { key: "\ud800" },
    { key: undefined as unknown as string },
    { body: "[]" },
    { body: "{\n}" },
    { body: '{"\ud800":1}' },
    { body: 1 as unknown as string },
    { priority: 0.5 },
    { priority: Number.NaN },
    { priority: 2 ** 53 },
  ];
  test.each(faults)("that could not be kept is refused as such: %j.", (fault) => {
    const code = codeOf(() => checkInput({ key: "k", body: "{}", ...fault }));
    expect(code).toBe("invalid_input");
  });
});

describe("the parts of a boundary", () => {
  test("are equal in any order.", () => {
    checkParts("1", parts.toReversed(), parts);
    checkParts("1", [], []);
  });

  const others = [
    parts.slice(1),
    [...parts, parts[0]!],
    [],
    ...[{ log: "x" }, { from: 2 }, { to: 3 }, { sha256: "c" }].map((part) => [
      { ...parts[0]!, ...part },
      parts[1]!,
    ]),
  ];
  test.each(others)("differ by one log or one field: %j %j.", (...wanted) => {
    expect(codeOf(() => checkParts("1", wanted, parts))).toBe("tail_mismatch");
  });

  test("are told in the error, both those named and those found.", () => {
    const { data } = tailMismatch("1", parts.slice(1), parts);
    expect(data).toEqual({ run: "1", wanted: parts.slice(1), found: parts });
  });
});

test("A conflict of two commits gives the receipt of the first, as a copy.", () => {
  const receipt = { run: "1", seq: 1, digest: "d", entries: 2, revision: 1, input: "1", atMs: 5 };
  const { data } = commitConflict(receipt);
  expect(data["receipt"]).toEqual(receipt);
  expect(data["receipt"]).not.toBe(receipt);
});

function codeOf(call: () => void): string {
  try {
    call();
  } catch (error) {
    return isHoldfastError(error) ? error.code : "no Holdfast error";
  }
  return "nothing";
}
