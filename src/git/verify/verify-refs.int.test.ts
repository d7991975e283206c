import { renameSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkpointInput, sessionInput } from "../../../test/git/checkpoint-data.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { gitTestEnv, type TestRepository } from "../../../test/git/repositories.ts";
import { id, verifyBench } from "../../../test/git/verify-bench.ts";
import { branchRef, v2ArchivePrefix, v2CurrentRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { openLayout } from "../layouts/open-layout.ts";
import { V2Layout } from "../layouts/v2/layout.ts";
import { expiredArchives } from "../layouts/v2/retention.ts";
import { migrateCheckpoints } from "../migrate/migrate.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import type { Repository } from "../plumbing/repository.ts";
import { fetchAll } from "../push/fetch.ts";
import { repairCheckpoints } from "../repair.ts";
import { verifyCheckpoints } from "../verify.ts";

let place: TestRepository;
let repository: Repository;

const { codes, write, trailer, setRef } = verifyBench((opened) => ({ place, repository } = opened));

test("refs in a wrong shard, of no checkpoint, and to what is not here are found", async () => {
  await write("git-refs");
  await trailer(id);
  const tip = await place.git("rev-parse", refOfCheckpoint(id));
  await place.git("update-ref", `refs/entire/checkpoints/a3/${id}`, tip);
  await place.git("update-ref", "refs/entire/checkpoints/aa/bb/cc", tip);
  setRef(refOfCheckpoint("000000000001"), "1".repeat(40));
  setRef(refOfCheckpoint("000000000002"), await place.git("rev-parse", `${tip}^{tree}`));
  const { findings } = await verifyCheckpoints({ repository });
  expect(findings.map(({ code, where }) => [code, where]).slice(0, 4)).toEqual([
    ["shard_wrong", `refs/entire/checkpoints/a3/${id}`],
    ["ref_foreign", "refs/entire/checkpoints/aa/bb/cc"],
    ["ref_dangling", refOfCheckpoint("000000000001")],
    ["ref_dangling", refOfCheckpoint("000000000002")],
  ]);
});

test("a ref of any layout that names no commit is found once, and all others are looked at", async () => {
  await write("git-refs");
  await write("git-branch");
  await trailer(id);
  const refs = [v2MainRef, v2CurrentRef, `${v2ArchivePrefix}0000000000001`];
  const told = async (): Promise<readonly string[]> => {
    const { findings, checkpoints } = await verifyCheckpoints({ repository });
    expect(checkpoints).toMatchObject({ "git-refs": 1 });
    return findings.map(({ code, where }) => `${code} ${where}`).toSorted();
  };
  for (const [target, code] of [
    [await place.git("rev-parse", "HEAD^{tree}"), "ref_dangling"],
    ["1".repeat(40), "object_missing"],
  ] as const) {
    for (const ref of refs) setRef(ref, target);
    expect(await told()).toEqual(refs.map((ref) => `${code} ${ref}`).toSorted());
  }
  setRef(v2MainRef, "garbage");
  setRef(branchRef, "1".repeat(40));
  const missing = [branchRef, ...refs.slice(1)].map((ref) => `object_missing ${ref}`);
  expect(await told()).toEqual([`ref_damaged ${v2MainRef}`, ...missing].toSorted());
});

test("a checkpoint whose ref names nothing is found when it alone is asked for", async () => {
  setRef(refOfCheckpoint(id), "1".repeat(40));
  await trailer(id);
  expect(await codes(id)).toEqual(["ref_dangling"]);
});

test("a folder of a shard that is not here is found, and the other checkpoints are looked at", async () => {
  await write("v2");
  await trailer(id);
  const main = await place.git("rev-parse", `${v2MainRef}^{tree}`);
  const tree = `40000 tree ${"1".repeat(40)}\tff\n${await place.git("ls-tree", main)}\n`;
  const made = await repository.git(["mktree", "--missing"], { input: tree });
  const commit = await place.git("commit-tree", "-m", "Lost", made.stdout.toString().trim());
  await place.git("update-ref", v2MainRef, commit);
  const { findings, checkpoints } = await verifyCheckpoints({ repository });
  expect(checkpoints).toEqual({ v2: 1 });
  expect(findings.map(({ code, where }) => [code, where])).toEqual([["object_missing", `${v2MainRef}:ff`]]);
});

test("checkpoints that share the folder of a shard where case does not count are all there, and repair leaves them", async () => {
  const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FA3";
  const [first, second] = ["b2b2c4d5e6a3", "b2b2c4d5e6a4"];
  const store = layoutsUnderTest["git-refs"]!.open(repository);
  const session = await sessionInput(repository, "alice");
  for (const one of [first, second, ulid]) {
    await store.write(checkpointInput(one, [session]));
    await trailer(one);
  }
  // As such a file system has it: the folder that was made first is the other one's too.
  const shard = (name: string): string => join(repository.commonDir, "refs/entire/checkpoints", name);
  renameSync(join(shard("A3"), ulid), join(shard("a3"), ulid));
  rmdirSync(shard("A3"));
  symlinkSync("a3", shard("A3"));
  const before = await repository.refs.read(refOfCheckpoint(ulid));
  // Where git was not told, as after a copy, nothing that is still read may be moved aside.
  expect((await repairCheckpoints({ repository })).left.map(({ code }) => code)).toContain("shard_wrong");
  expect(await repository.refs.read(refOfCheckpoint(ulid))).toBe(before);

  await place.git("config", "core.ignoreCase", "true");
  await using told = await openRepository({ cwd: place.path, env: gitTestEnv });
  const listed = async (): Promise<readonly string[]> =>
    (await layoutsUnderTest["git-refs"]!.open(told).list()).map((one) => one.id);
  expect(await listed()).toEqual([ulid, first, second]);
  expect((await verifyCheckpoints({ repository: told })).findings).toEqual([]);
  await place.git("pack-refs", "--all");
  expect(await listed()).toEqual([ulid, first, second]);
});

test("a ref that is damaged is told by verify, list and migrate, and hides no other checkpoint", async () => {
  const [other, refs] = ["000000000001", refOfCheckpoint(id)];
  for (const layout of ["git-refs", "git-branch", "v2"]) await write(layout);
  await layoutsUnderTest["git-refs"]!.open(repository).write(
    checkpointInput(other, [await sessionInput(repository, "alice")]),
  );
  await trailer(id);
  await trailer(other);
  const damaged = [refs, branchRef, v2MainRef, v2CurrentRef];
  for (const ref of damaged) writeFileSync(join(repository.commonDir, ref), "");
  const report = await verifyCheckpoints({ repository });
  expect(report.checkpoints).toEqual({ "git-refs": 1 });
  const found = report.findings.map(({ code, layout, where }) => `${code} ${layout} ${where}`);
  expect(found.filter((one) => one.startsWith("ref_damaged ")).toSorted()).toEqual([
    `ref_damaged git-branch ${branchRef}`,
    `ref_damaged git-refs ${refs}`,
    `ref_damaged v2 ${v2CurrentRef}`,
    `ref_damaged v2 ${v2MainRef}`,
  ]);
  const alone = await verifyCheckpoints({ repository, id });
  expect(alone.findings).toContainEqual(expect.objectContaining({ code: "ref_damaged", where: refs }));
  const told: string[] = [];
  const store = openLayout(repository, "git-refs", { onDamaged: ({ message }) => told.push(message) });
  expect((await store.list()).map((one) => one.id)).toEqual([other]);
  expect(told).toEqual([expect.stringContaining(refs)]);
  for (const ref of damaged.slice(1)) rmSync(join(repository.commonDir, ref));
  const migrated = await migrateCheckpoints({ repository, from: "git-refs", to: "git-branch" });
  expect(migrated).toMatchObject({ created: 1, problems: [{ id }] });
});

test("an archive whose commit is gone hinders no list, read or write, and is told with what brings it back", async () => {
  const ids = ["000000000001", "000000000002", "000000000003"];
  const input = async (of: string) => checkpointInput(of, [await sessionInput(repository, `s-${of}`)]);
  for (const one of ids) await new V2Layout(repository, { rotateAt: 2 }).write(await input(one));
  const archive = `${v2ArchivePrefix}0000000000001`;
  const remote = join(place.folder, "remote");
  await place.git("clone", "-q", "--mirror", ".", remote);
  await place.git("remote", "add", "origin", remote);
  const commit = await place.git("rev-parse", archive);
  rmSync(join(repository.commonDir, "objects", commit.slice(0, 2), commit.slice(2)));

  const store = new V2Layout(repository);
  expect((await store.list()).map((one) => one.id)).toEqual(ids);
  expect((await store.read(ids[2]!))?.findings).toEqual([]);
  await store.write(await input(id));
  await store.update(await input(ids[2]!));
  expect(await expiredArchives(repository, { beforeMs: Infinity })).toEqual([]);
  const { findings } = await verifyCheckpoints({ repository });
  const told = findings.filter(({ where }) => where === archive);
  expect(told.map(({ code }) => code)).toEqual(["object_missing"]);
  expect((await repairCheckpoints({ repository })).left).toContainEqual({
    ...told[0],
    next: expect.stringContaining("holdfast git fetch --all") as string,
  });
  await fetchAll({ repository, remote: "origin", timeoutMs: 20_000 });
  expect((await store.read(ids[0]!))?.findings).toEqual([]);
  expect(new Set(await codes())).toEqual(new Set(["checkpoint_without_commit"]));
});
