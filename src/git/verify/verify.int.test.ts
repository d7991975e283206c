import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { checkpointInput, sessionInput, storeText } from "../../../test/git/checkpoint-data.ts";
import { commitByHand } from "../../../test/git/hand-made.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import { gitTestEnv, makeRepository, type TestRepository } from "../../../test/git/repositories.ts";
import { branchRef, v2ArchivePrefix, v2CurrentRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { openLayout } from "../layouts/open-layout.ts";
import { expiredArchives } from "../layouts/v2/retention.ts";
import { V2Layout } from "../layouts/v2/layout.ts";
import { migrateCheckpoints } from "../migrate/migrate.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import type { Repository } from "../plumbing/repository.ts";
import { fetchAll } from "../push/fetch.ts";
import { FactsIndex } from "../reading/facts-index.ts";
import { repairCheckpoints } from "../repair.ts";
import { verifyCheckpoints } from "../verify.ts";

const id = "a3b2c4d5e6f7";
const folder = `${id.slice(0, 2)}/${id.slice(2)}`;
const nul = Buffer.from([0]);
let place: TestRepository;
let repository: Repository;

openedForEach((opened) => ({ place, repository } = opened), { areDamaged: true });

const codes = async (only?: string): Promise<readonly string[]> => {
  const { findings } = await verifyCheckpoints({ repository, ...(only === undefined ? {} : { id: only }) });
  return [...new Set(findings.map(({ code }) => code))].toSorted();
};
const write = async (layout: string, changes = {}): Promise<void> => {
  const session = await sessionInput(repository, "alice", changes);
  await layoutsUnderTest[layout]!.open(repository).write(checkpointInput(id, [session]));
};
const trailer = (checkpoint: string): Promise<string> =>
  place.git("commit", "-q", "--allow-empty", "-m", `Work\n\nEntire-Checkpoint: ${checkpoint}`);
const setRef = (name: string, target: string): void => {
  const path = join(repository.commonDir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${target}\n`);
};

for (const layout of ["git-refs", "git-branch", "v2"])
  test(`what was written to ${layout} and is named by a commit has no findings`, async () => {
    await write(layout, { compact: await storeText(repository, '{"v":1}\n') });
    await trailer(id);
    const before = await place.git("for-each-ref");
    const report = await verifyCheckpoints({ repository });
    expect(report).toEqual({
      checkpoints: { [layout]: 1 },
      counts: { error: 0, warning: 0, note: 0 },
      findings: [],
    });
    expect(await place.git("for-each-ref")).toBe(before);
  });

test("a transcript that is not what its hash says is found, and of an old record noted", async () => {
  const other = { ...(await storeText(repository, "a\n")), hash: `sha256:${"0".repeat(64)}` };
  await write("git-refs", { transcript: other, metadata: { created_at: "2026-05-01T00:00:00Z" } });
  await trailer(id);
  const { findings } = await verifyCheckpoints({ repository });
  expect(findings).toMatchObject([{ code: "hash_mismatch", severity: "warning", layout: "git-refs", id }]);
  await write("git-refs", { transcript: other, metadata: { created_at: "2026-02-01T00:00:00Z" } });
  expect((await verifyCheckpoints({ repository })).counts).toEqual({ error: 0, warning: 0, note: 1 });
});

test("chunks and blobs that are not here are found", async () => {
  const gone = { chunks: [{ id: "1".repeat(40), bytes: 5 }], hash: `sha256:${"0".repeat(64)}` };
  await write("git-branch", { transcript: gone });
  await trailer(id);
  expect(await codes()).toEqual(["object_missing"]);
});

test("the faults of an old record are found, and none of them ends the check", async () => {
  const root = {
    checkpoint_id: id,
    files_touched: null,
    sessions: [{ metadata: `/${folder}/0/metadata.json` }, null, { metadata: "/../x/metadata.json" }],
  };
  await commitByHand(repository, {
    ref: branchRef,
    files: {
      [`${folder}/metadata.json`]: JSON.stringify(root),
      [`${folder}/0/metadata.json`]: '{"session_id":"s","created_at":null}',
      [`${folder}/0/full.jsonl`]: '{"messages":[]}',
      [`${folder}/2/metadata.json`]: '{"session_id":"s"}',
      [`${folder}/2/full.jsonl.001`]: "later",
      [`${folder}/3/metadata.json`]: "no json",
      [`${folder}/4/full.jsonl`]: { mode: "120000", text: "/etc/passwd" },
      [`${id.slice(2)}/x`]: "no shard",
      "f7/a3b2c4d5e6f7/metadata.json": "{}",
    },
  });
  expect(await codes()).toEqual(
    [
      ...["checkpoint_without_commit", "chunk_missing", "entry_unsafe", "hash_missing", "json_invalid"],
      ...["metadata_missing", "path_foreign", "session_repeated", "session_unlisted", "session_unnamed"],
      ...["shard_wrong", "slots_sparse", "transcript_missing"],
    ].toSorted(),
  );
});

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
    ["ref_dangling", refOfCheckpoint("000000000001")],
    ["ref_dangling", refOfCheckpoint("000000000002")],
    ["shard_wrong", `refs/entire/checkpoints/a3/${id}`],
    ["ref_foreign", "refs/entire/checkpoints/aa/bb/cc"],
  ]);
});

test("a ref of any layout that names no commit is found once, and all others are looked at", async () => {
  await write("git-refs");
  await write("git-branch");
  await trailer(id);
  const refs = [v2MainRef, v2CurrentRef, `${v2ArchivePrefix}0000000000001`];
  const told = async (): Promise<readonly (readonly string[])[]> => {
    const { findings, checkpoints } = await verifyCheckpoints({ repository });
    expect(checkpoints).toMatchObject({ "git-refs": 1 });
    return findings.map(({ code, where }) => [code, where]).toSorted();
  };
  for (const [target, code] of [
    [await place.git("rev-parse", "HEAD^{tree}"), "ref_dangling"],
    ["1".repeat(40), "object_missing"],
  ] as const) {
    for (const ref of refs) setRef(ref, target);
    expect(await told()).toEqual(refs.map((ref) => [code, ref]).toSorted());
  }
  setRef(v2MainRef, "garbage");
  setRef(branchRef, "1".repeat(40));
  const missing = [branchRef, ...refs.slice(1)].map((ref) => ["object_missing", ref]);
  expect(await told()).toEqual([["ref_damaged", v2MainRef], ...missing].toSorted());
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

test("a trailer without a checkpoint and a checkpoint without a commit are found, and one alone can be asked for", async () => {
  await write("git-refs");
  await trailer("ffffffffffff");
  const { findings, counts } = await verifyCheckpoints({ repository });
  const commit = await place.git("rev-parse", "HEAD");
  expect(findings.map(({ code, where }) => [code, where])).toEqual([
    ["commit_without_checkpoint", commit],
    ["checkpoint_without_commit", id],
  ]);
  expect(counts).toEqual({ error: 0, warning: 1, note: 1 });
  expect(await codes(id)).toEqual(["checkpoint_without_commit"]);
  await expect(verifyCheckpoints({ repository, id: "../x" })).rejects.toMatchObject({
    code: "checkpoint_invalid",
  });
});

test("a compact transcript that shows a secret which the whole one does not is found", async () => {
  const secret = `ghp_${"a1B2c3D4".repeat(5)}`.slice(0, 40);
  const line = (text: string): string => `${JSON.stringify({ v: 1, content: text })}\n`;
  const [clear, hidden] = [line(`token ${secret}`), line("token REDACTED")];
  await write("git-refs", {
    transcript: await storeText(repository, hidden),
    compact: await storeText(repository, clear),
  });
  await trailer(id);
  expect(await codes()).toEqual(["compact_less_redacted"]);
  await write("git-refs", {
    transcript: await storeText(repository, clear),
    compact: await storeText(repository, clear),
  });
  expect(await codes()).toEqual([]);
});

test("a picture that a transcript refers to and the checkpoint does not hold is found", async () => {
  const named = (name: string): string => `{"data":"entire-asset:assets/${name}"}\n`;
  await write("git-refs", { transcript: await storeText(repository, named("a.png") + named("b.png")) });
  await trailer(id);
  const { findings } = await verifyCheckpoints({ repository });
  expect(findings).toMatchObject([{ code: "asset_missing", severity: "warning", where: "0/full.jsonl" }]);
  expect(findings[0]!.sentence).toContain("2 pictures");
});

test("a mirror that lacks what the primary has is found", async () => {
  await write("git-branch");
  await trailer(id);
  await place.git("config", "holdfast.checkpoints", "git-branch");
  await place.git("config", "holdfast.mirror", "v2");
  expect(await codes()).toEqual(["mirror_behind"]);
  await write("v2");
  expect(await codes()).toEqual([]);
});

test("a mirror that holds another transcript than the primary, or not all of its sessions, is found", async () => {
  for (const layout of ["git-branch", "v2"]) await write(layout);
  await trailer(id);
  await place.git("config", "holdfast.checkpoints", "git-refs");
  await place.git("config", "holdfast.ulidMirrors", "true");
  await place.git("config", "holdfast.mirror", "v2");
  expect(await codes()).toEqual([]);
  await write("git-branch", { transcript: await storeText(repository, "{}\n{}\n") });
  const { findings } = await verifyCheckpoints({ repository });
  expect(findings).toMatchObject([{ code: "mirror_behind", layout: "v2", id }]);
  expect(findings[0]!.sentence).toContain('another transcript of session "alice"');
  expect((await repairCheckpoints({ repository })).repairs).toHaveLength(1);
  expect(await codes()).toEqual([]);

  // Raw transcripts of v2 are let go on purpose.
  await place.git("update-ref", "-d", v2CurrentRef);
  expect(await codes()).toEqual(["transcript_missing"]);
  await write("git-branch", { sessionId: "bob" });
  const last = (await verifyCheckpoints({ repository })).findings.at(-1);
  expect(last).toMatchObject({
    code: "mirror_behind",
    sentence: expect.stringContaining('lacks session "bob"'),
  });
});

test("a generation that repeats a checkpoint, has no dates, or is of nothing on main is found", async () => {
  await write("v2");
  await trailer(id);
  const current = await place.git("rev-parse", v2CurrentRef);
  await place.git("update-ref", `${v2ArchivePrefix}0000000000001`, current);
  expect(await codes()).toEqual(["generation_invalid", "generation_repeated"]);
  await commitByHand(repository, { ref: v2CurrentRef, files: { "00/0000000001/0/raw_transcript": "x" } });
  expect(await codes()).toEqual(["generation_invalid", "main_missing"]);
});

test("objects that are damaged are told, and the others are still looked at", async () => {
  await write("git-refs");
  const file = await place.git("rev-parse", `${refOfCheckpoint(id)}:0/full.jsonl`);
  const path = join(repository.commonDir, "objects", file.slice(0, 2), file.slice(2));
  await place.git("update-ref", refOfCheckpoint("000000000001"), refOfCheckpoint(id));
  chmodSync(path, 0o644);
  writeFileSync(path, "garbage");
  const { findings } = await verifyCheckpoints({ repository });
  const damaged = findings.filter(({ where }) => where === "0/full.jsonl");
  expect(new Set(damaged.map(({ id: of }) => of))).toEqual(new Set(["000000000001", id]));
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
  const found = report.findings.map(({ code, layout, where }) => [code, layout, where]);
  expect(found.filter(([code]) => code === "ref_damaged").toSorted()).toEqual([
    ["ref_damaged", "git-branch", branchRef],
    ["ref_damaged", "git-refs", refs],
    ["ref_damaged", "v2", v2CurrentRef],
    ["ref_damaged", "v2", v2MainRef],
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

/** Flips one byte in the middle of a loose object: git still tells its type and size. */
async function spoil(name: string): Promise<void> {
  const blob = await place.git("rev-parse", name);
  const path = join(repository.commonDir, "objects", blob.slice(0, 2), blob.slice(2));
  chmodSync(path, 0o644);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 0x5a;
  writeFileSync(path, bytes);
}

test("blobs whose content is damaged are told with their checkpoints, and everything goes on with the others", async () => {
  const [ofRoot, whole] = ["000000000001", "000000000002"];
  const noise = randomBytes(100_000).toString("hex");
  const source = layoutsUnderTest["git-refs"]!.open(repository);
  const session = await sessionInput(repository, "alice");
  await write("git-refs", { transcript: await storeText(repository, `{"noise":"${noise}"}\n`) });
  await source.write(checkpointInput(ofRoot, [session], { root: { noise } }));
  await source.write(checkpointInput(whole, [session]));
  await spoil(`${refOfCheckpoint(id)}:0/full.jsonl`);
  await spoil(`${refOfCheckpoint(ofRoot)}:metadata.json`);
  const tips = await place.git("for-each-ref");

  const { findings } = await verifyCheckpoints({ repository });
  const damaged = findings.filter(({ code }) => code === "object_damaged");
  expect(damaged.map(({ id: of, where }) => [of, where])).toEqual([
    [ofRoot, "metadata.json"],
    [id, "0/full.jsonl"],
  ]);
  const { repairs, left } = await repairCheckpoints({ repository });
  expect(repairs).toEqual([]);
  expect(left).toEqual(expect.arrayContaining(damaged));
  expect(await place.git("for-each-ref")).toBe(tips);
  expect(await new FactsIndex({ repository, source }).all()).toHaveLength(3);
  const report = await migrateCheckpoints({ repository, from: "git-refs", to: "v2" });
  expect(report).toMatchObject({ created: 2, problems: [{ id: ofRoot }] });
});

test("blobs of a partial clone whose remote is gone are told as missing here, and are read when it is back", async () => {
  using partial = await makeRepository("partial clone");
  const origin = join(partial.folder, "origin");
  {
    await using there = await openRepository({ cwd: origin, env: gitTestEnv });
    const store = layoutsUnderTest["git-branch"]!.open(there);
    for (const one of [id, "000000000001"])
      await store.write(checkpointInput(one, [await sessionInput(there, `alice-${one}`)]));
  }
  await partial.git("fetch", "-q", "origin", `${branchRef}:${branchRef}`);
  await using here = await openRepository({ cwd: partial.path, env: gitTestEnv });
  const store = layoutsUnderTest["git-branch"]!.open(here);
  const prompts = async (): Promise<unknown> =>
    (await new FactsIndex({ repository: here, source: store }).all()).map(({ sessions }) =>
      sessions.map(({ prompt }) => prompt),
    );
  renameSync(origin, `${origin}.away`);
  const { findings } = await verifyCheckpoints({ repository: here });
  const missing = findings.filter(({ code }) => code === "object_missing");
  expect(new Set(missing.map(({ id: of }) => of))).toEqual(new Set([id, "000000000001"]));
  expect(missing[0]?.sentence).toContain("is at the remote of this partial clone");
  expect(await prompts()).toEqual([[null], [null]]);
  const input = checkpointInput(id, [await sessionInput(here, `alice-${id}`)]);
  await expect(store.write(input)).rejects.toMatchObject({ code: "git_object_unfetched" });
  renameSync(`${origin}.away`, origin);
  expect(await prompts()).toEqual([[`Do alice-${id}`], ["Do alice-000000000001"]]);
});

for (const [layout, ref] of [
  ["git-branch", branchRef],
  ["v2", v2MainRef],
] as const)
  test(`names in the tree of ${layout} that would not be written here are told, kept, and hinder nothing`, async () => {
    await write(layout);
    const store = layoutsUnderTest[layout]!.open(repository);
    const blob = await place.git("rev-parse", "HEAD:README.md");
    const names = [Buffer.from("caf\xe8", "latin1"), Buffer.from("caf\xe9", "latin1"), Buffer.from("GIT~1")];
    const lines = names.map((name) => Buffer.concat([Buffer.from(`100644 blob ${blob}\t`), name, nul]));
    const { stdout: before } = await repository.git(["ls-tree", "-z", ref]);
    const made = await repository.git(["mktree", "-z"], { input: Buffer.concat([before, ...lines]) });
    const commit = await place.git("commit-tree", "-p", ref, "-m", "Foreign", made.stdout.toString().trim());
    await place.git("update-ref", ref, commit);
    const other = "000000000001";
    await store.write(checkpointInput(other, [await sessionInput(repository, "bob")]));
    expect((await store.list()).map((one) => one.id)).toEqual([other, id]);
    expect((await store.read(id))?.findings).toEqual([]);
    const { stdout: after } = await repository.git(["ls-tree", "-z", ref]);
    for (const line of lines) expect(after.includes(line)).toBe(true);
    const { findings } = await verifyCheckpoints({ repository });
    const told = findings.filter(({ code }) => code === "path_foreign");
    expect(told.map(({ where }) => where)).toEqual([`${ref}:GIT~1`, `${ref}:caf\udce8`, `${ref}:caf\udce9`]);
  });
