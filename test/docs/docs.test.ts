import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from "node:fs";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { errorCodes } from "../../src/core/errors.ts";
import { testSchemas } from "../postgres/schemas.ts";

const schemas = testSchemas();
const root = join(import.meta.dirname, "../..");
const pages = globSync(["*.md", "docs/**/*.md"], { cwd: root });

const programs = pages.flatMap((page) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code], index) => ({
    name: `${page}, block ${index + 1}`,
    code: code!,
  })),
);

describe("the documentation", () => {
  test("lists every error code, and no other", () => {
    const text = readFileSync(join(root, "docs/guide/errors.md"), "utf8");
    const listed = [...text.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
    expect(listed).toEqual(Object.keys(errorCodes));
  });

  test("names every setting of git that Holdfast reads, and no other", () => {
    const sources = globSync("src/{git,cli}/**/*.ts", { cwd: root, exclude: ["**/*.test.ts"] });
    const read = sources.flatMap((file) => [
      ...readFileSync(join(root, file), "utf8").matchAll(/"holdfast\.([A-Za-z]+)"|^ *holdfast\.([a-z]+)\)/gm),
    ]);
    const page = readFileSync(join(root, "docs/guide/git.md"), "utf8");
    const rows = [...page.matchAll(/^\| (`holdfast\..*?) \|/gm)].map(([, cell]) => cell).join(" ");
    const named = [...rows.matchAll(/`holdfast\.(\w+)`/g)].map(([, key]) => key!.toLowerCase());
    const keys = read
      .map(([, key, inShell]) => (key ?? inShell!).toLowerCase())
      .filter((key) => key !== "db");
    expect(named.toSorted()).toEqual([...new Set(keys)].toSorted());
  });

  test.for(pages)("links only to files that exist: %s", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1]!);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  test.for(programs)("shows code that runs as it stands: $name", ({ code }) => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-docs-"));
    try {
      mkdirSync(join(folder, "node_modules"));
      symlinkSync(root, join(folder, "node_modules/holdfast"));
      writeFileSync(join(folder, "program.mts"), code);
      const printed = execFileSync(process.execPath, ["--no-warnings", "program.mts"], {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, DATABASE_URL: schemas.next() },
      });
      expect(printed).toMatch(/hello|fail 0$/m);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
