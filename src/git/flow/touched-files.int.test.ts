import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { within } from "./touched-files.ts";

let base: string;
let worktree: string;
beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-touched-")));
  worktree = join(base, "worktree");
  mkdirSync(join(worktree, "folder"), { recursive: true });
  mkdirSync(join(base, "outside"));
  symlinkSync(worktree, join(base, "project"));
  symlinkSync("folder", join(worktree, "inner"));
  symlinkSync("../outside", join(worktree, "outer"));
  symlinkSync("folder/b", join(worktree, "link"));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

it("names a file as git does, through whatever folders an agent came to it", () => {
  const seen = (path: string): string | undefined => within(worktree, path)[0];
  expect(seen(join(base, "project/a"))).toBe("a");
  expect(seen(join(base, "project/inner/b"))).toBe("folder/b");
  expect(seen("inner/b")).toBe("folder/b");
  // A link is a file of its own, and a folder may be gone by now.
  expect(seen("link")).toBe("link");
  expect(seen(join(base, "project/gone/deep/c"))).toBe("gone/deep/c");
  for (const path of ["outer/c", "../outside/c", ".git/config", "", ".", base, "a\0b"])
    expect(seen(path)).toBeUndefined();
});
