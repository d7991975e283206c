import { existsSync, mkdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import type { TestRepository } from "../../../test/git/repositories.ts";
import { createRefs } from "./create-refs.ts";
import type { Ref } from "./refs.ts";
import type { Repository } from "./repository.ts";

let place: TestRepository;
let repository: Repository;
openedForEach((opened) => ({ place, repository } = opened));

const reason = "test";
const hundred = (id: string): readonly Ref[] =>
  Array.from({ length: 100 }, (_, index) => {
    const hex = index.toString(16).padStart(12, "0");
    return { name: `refs/entire/checkpoints/${hex.slice(-2)}/${hex}`, id };
  });
const packedFile = (): string => join(repository.commonDir, "packed-refs");
const inPacked = (name: string): boolean =>
  existsSync(packedFile()) && readFileSync(packedFile(), "utf8").includes(name);

test("a ref that another one was writing already is told, and keeps what that one wrote", async () => {
  const [ours, theirs] = [await place.git("rev-parse", "HEAD"), await place.git("rev-parse", "HEAD~1")];
  const refs = hundred(ours);
  const { name } = refs[7]!;
  const path = join(repository.commonDir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.lock`, `${theirs}\n`);
  const created = createRefs(repository, refs, { reason });
  await expect.poll(() => inPacked(name), { interval: 1, timeout: 10_000 }).toBe(true);
  renameSync(`${path}.lock`, path);
  expect(await created).toEqual([name]);
  expect(await repository.refs.read(name)).toBe(theirs);
  expect(await repository.refs.read(refs[8]!.name)).toBe(ours);
});

test("a lock of packed-refs that a process of ours left is broken in time, and one of git's is not", async () => {
  const id = await place.git("rev-parse", "HEAD");
  const lock = `${packedFile()}.lock`;
  for (const [text, isOurs] of [
    ["# pack-refs with: peeled fully-peeled sorted \n", true],
    ["", false],
  ] as const) {
    writeFileSync(lock, text);
    utimesSync(lock, new Date(), new Date(Date.now() - 180_000));
    const refs = hundred(id).map((ref) => ({ ...ref, name: `${ref.name}-${isOurs}` }));
    expect(await createRefs(repository, refs, { reason })).toEqual([]);
    expect([existsSync(lock), inPacked(refs[0]!.name)]).toEqual([!isOurs, isOurs]);
    for (const { name } of refs) expect(await repository.refs.read(name)).toBe(id);
  }
});
