import { existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { gitTestEnv, makeRepository, type TestRepository } from "../../../test/git/repositories.ts";
import { openRepository } from "./open-repository.ts";
import type { Repository } from "./repository.ts";

let place: TestRepository;
let repository: Repository;
let head: string;
beforeAll(async () => {
  place = await makeRepository("plain");
  repository = await openRepository({ cwd: place.path, env: gitTestEnv });
  head = await place.git("rev-parse", "HEAD");
});
afterAll(async () => {
  await repository[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

function lock(name: string, ageMs: number): string {
  const path = join(repository.commonDir, `${name}.lock`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "");
  utimesSync(path, new Date(), new Date(Date.now() - ageMs));
  return path;
}

describe("a lock that a process left when it died", () => {
  it.each(["refs/heads/entire/checkpoints/v1", "refs/entire/checkpoints/V9/01M7ZQ3S7CNP6ANB10WH660FV9"])(
    "does not keep %s from being written for ever",
    async (name) => {
      const path = lock(name, 180_000);
      expect(await repository.refs.update({ name, from: null, to: head })).toBe("updated");
      expect([await repository.refs.read(name), existsSync(path)]).toEqual([head, false]);
      await place.fsckClean();
    },
  );

  it.each([
    ["of a ref of the user's", "refs/heads/theirs", 180_000],
    ["that is held by whoever may live", "refs/entire/checkpoints/v2/main", 60_000],
  ])("%s is left alone", async (_what, name, ageMs) => {
    const path = lock(name, ageMs);
    await expect(repository.refs.update({ name, from: null, to: head })).rejects.toMatchObject({
      code: "git_ref_locked",
    });
    expect(existsSync(path)).toBe(true);
  });
});
