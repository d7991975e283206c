import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { errorCodes } from "../../src/core/errors.ts";

const root = join(import.meta.dirname, "../..");
const pages = globSync(["*.md", "docs/**/*.md"], { cwd: root });

describe("the documentation", () => {
  test("lists every error code, and no other", () => {
    const text = readFileSync(join(root, "docs/guide/errors.md"), "utf8");
    const listed = [...text.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
    expect(listed).toEqual(Object.keys(errorCodes));
  });

  test.for(pages)("links only to files that exist: %s", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1]!);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  test("shows code in the README that runs as it stands", () => {
    const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))![1]!;
    const folder = mkdtempSync(join(tmpdir(), "holdfast-readme-"));
    try {
      mkdirSync(join(folder, "node_modules"));
      symlinkSync(root, join(folder, "node_modules/holdfast"));
      writeFileSync(join(folder, "readme.mts"), code);
      const printed = execFileSync(process.execPath, ["--no-warnings", "readme.mts"], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(printed).toContain("hello");
      expect(existsSync(join(folder, "holdfast.db"))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
