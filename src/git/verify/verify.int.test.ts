import { createHash, randomBytes } from "node:crypto";
import { chmodSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkpointInput, sessionInput, storeBlob, storeText } from "../../../test/git/checkpoint-data.ts";
import { commitByHand } from "../../../test/git/hand-made.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { gitTestEnv, makeRepository, type TestRepository } from "../../../test/git/repositories.ts";
import { id, verifyBench } from "../../../test/git/verify-bench.ts";
import { branchRef, v2ArchivePrefix, v2CurrentRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { migrateCheckpoints } from "../migrate/migrate.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import type { Repository } from "../plumbing/repository.ts";
import { FactsIndex } from "../reading/facts-index.ts";
import { repairCheckpoints } from "../repair.ts";
import { verifyCheckpoints } from "../verify.ts";

const folder = `${id.slice(0, 2)}/${id.slice(2)}`;
const nul = Buffer.from([0]);
let place: TestRepository;
let repository: Repository;

const { codes, write, trailer } = verifyBench((opened) => ({ place, repository } = opened));

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

test("a compact transcript and a picture that are not what their hashes say are found", async () => {
  const wrong = `sha256:${"0".repeat(64)}`;
  const [picture, other] = [await storeBlob(repository, "png"), await storeBlob(repository, "other")];
  const listed = (name: string) => ({
    ...{ name, media_type: "image/png", size: 3 },
    sha256: createHash("sha256").update("png").digest("hex"),
  });
  const assets = ["a.png", "b.png", "c.png"].map(listed);
  const manifest = await storeBlob(repository, JSON.stringify({ version: 1, assets }));
  await write("v2", {
    compact: { ...(await storeText(repository, '{"v":1}\n')), hash: wrong },
    assets: {
      manifest,
      files: [
        { name: "a.png", id: picture },
        { name: "b.png", id: other },
      ],
    },
  });
  await trailer(id);
  const { findings } = await verifyCheckpoints({ repository });
  expect(findings.map(({ code, where }) => `${code} ${where}`).toSorted()).toEqual([
    "hash_mismatch 0/assets/b.png",
    "hash_mismatch 0/transcript_hash.txt",
    "path_missing 0/assets/c.png",
  ]);
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

test("the damage of a prompt, a compact transcript, a picture, a manifest and a subagent's transcript is told", async () => {
  const noise = (): string => JSON.stringify({ noise: randomBytes(1000).toString("hex") });
  const picture = { name: "a.png", id: await storeBlob(repository, noise()) };
  const session = await sessionInput(repository, "alice", {
    prompts: [noise()],
    compact: await storeText(repository, noise()),
    assets: { manifest: await storeBlob(repository, noise()), files: [picture] },
  });
  const transcript = await storeText(repository, noise());
  const tasks = [{ toolUseId: "toolu_1", task: {}, agentId: "a1", transcript }];
  await layoutsUnderTest["git-refs"]!.open(repository).write(checkpointInput(id, [session], { tasks }));
  const files = [
    ...["0/assets/a.png", "0/assets/manifest.json", "0/prompt.txt", "0/transcript.jsonl"],
    "tasks/toolu_1/agent-a1.jsonl",
  ];
  for (const file of files) await spoil(`${refOfCheckpoint(id)}:${file}`);
  const { findings } = await verifyCheckpoints({ repository });
  const damaged = findings.filter(({ code }) => code === "object_damaged");
  expect(damaged.map(({ where }) => where).toSorted()).toEqual(files);
});

test("a checkpoint that one of its copies links to a commit is not told as one without a commit", async () => {
  const head = await place.git("rev-parse", "HEAD");
  const session = await sessionInput(repository, "alice");
  const linked = { root: { linked_commits: [{ sha: head }] } };
  await layoutsUnderTest["git-refs"]!.open(repository).write(checkpointInput(id, [session], linked));
  expect(await codes()).toEqual([]);
  await write("git-branch");
  expect(await codes()).toEqual([]);
});

test("a checkpoint whose commit is damaged is told with its ref, and repair moves the ref aside", async () => {
  await write("git-refs");
  await trailer(id);
  const ref = refOfCheckpoint(id);
  const commit = await place.git("rev-parse", ref);
  await spoil(ref);
  for (const only of [{}, { id }]) {
    const { findings, counts } = await verifyCheckpoints({ repository, ...only });
    expect(counts.error).toBe(1);
    expect(findings[0]).toMatchObject({ code: "ref_dangling", layout: "git-refs", id, where: ref });
  }
  expect((await repairCheckpoints({ repository })).repairs).toMatchObject([{ where: ref }]);
  expect(await repository.refs.list("refs/holdfast/")).toMatchObject([{ id: commit }]);
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

/** Flips one byte in the middle of a loose object: git still tells its type and size. */
async function spoil(name: string): Promise<void> {
  const blob = await place.git("rev-parse", name);
  const path = join(repository.commonDir, "objects", blob.slice(0, 2), blob.slice(2));
  chmodSync(path, 0o644);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 0x5a;
  writeFileSync(path, bytes);
}
