import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addTrailers } from "./trailers.ts";

const id = "a3b2c4d5e6f7";
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-trailers-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("trailers, as git reads them", () => {
  test("git finds what was added in its last block, together with what was there", () => {
    const line = fc.constantFrom(
      "",
      "",
      " ",
      "Title",
      "fix: x",
      "Body text",
      "Signed-off-by: A <a@b.c>",
      "Reviewed-by:B",
      "  folded",
      "(cherry picked from commit abc)",
      "# comment",
      "a b: c",
      "-: x",
      "\tx",
      "Key : v",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 9 }), (lines) => {
        const message = `Title of it\n${lines.join("\n")}\n`;
        const before = trailersOf(message);
        const after = trailersOf(addTrailers(message, { checkpoints: [id] }, { start: "#" }));
        expect(after).toEqual([...before, `Entire-Checkpoint: ${id}`]);
      }),
      { numRuns: 150 },
    );
  });

  test("git finds it above the scissors of a verbose commit", () => {
    const message =
      "Title\n\n# ------------------------ >8 ------------------------\n# Do not touch\ndiff\n+Key: v\n";
    expect(trailersOf(addTrailers(message, { checkpoints: [id] }, { start: "#" }))).toEqual([
      `Entire-Checkpoint: ${id}`,
    ]);
  });

  test("git finds it above comments with a character of their own", () => {
    const added = addTrailers("Title\n\nKey: v\n\n; comment\n", { checkpoints: [id] }, { start: ";" });
    expect(trailersOf(added, ["-c", "core.commentChar=;"])).toEqual(["Key: v", `Entire-Checkpoint: ${id}`]);
  });
});

function trailersOf(message: string, config: readonly string[] = []): string[] {
  const args = [...config, "interpret-trailers", "--parse", "--no-divider"];
  const env = { PATH: process.env["PATH"], GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };
  const printed = execFileSync("git", args, { cwd: folder, env, input: message, encoding: "utf8" });
  return printed.split("\n").filter((line) => line !== "");
}
