import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { repositoryOf } from "./repository.ts";

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-repository-")));
  execFileSync("git", ["init", "-q", "-b", "trunk", folder]);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("where a folder's code is from", () => {
  test.each([
    ["https://git.example/a/b.git", "https://git.example/a/b.git"],
    ["https://someone:secret@git.example/a/b.git", "https://git.example/a/b.git"],
    ["https://someone:sec@ret@git.example/a/b.git", "https://git.example/a/b.git"],
    ["https://git.example/a/b.git?private_token=secret", "https://git.example/a/b.git"],
    ["ssh://git@git.example:22/a/b.git", "ssh://git.example:22/a/b.git"],
    ["git@git.example:a/b.git", "git@git.example:a/b.git"],
  ])("is told of %s without what is secret", async (origin, repository) => {
    execFileSync("git", ["-C", folder, "remote", "add", "origin", origin]);
    expect(await repositoryOf(folder, 20_000)).toEqual({ repository, branch: "trunk" });
  });

  test("is the folder where it is fetched from nowhere", async () => {
    expect(await repositoryOf(folder, 20_000)).toEqual({ repository: folder, branch: "trunk" });
  });
});
