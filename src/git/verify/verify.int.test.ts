import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { checkpointInput, sessionInput, storeText } from "../../../test/git/checkpoint-data.ts";
import { commitByHand } from "../../../test/git/hand-made.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import type { TestRepository } from "../../../test/git/repositories.ts";
import { branchRef, v2ArchivePrefix, v2CurrentRef } from "../format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import type { Repository } from "../plumbing/repository.ts";
import { verifyCheckpoints } from "../verify.ts";

const id = "a3b2c4d5e6f7";
const folder = `${id.slice(0, 2)}/${id.slice(2)}`;
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
  const { chmodSync } = await import("node:fs");
  chmodSync(path, 0o644);
  writeFileSync(path, "garbage");
  const { findings } = await verifyCheckpoints({ repository });
  const damaged = findings.filter(({ where }) => where === "0/full.jsonl");
  expect(new Set(damaged.map(({ id: of }) => of))).toEqual(new Set(["000000000001", id]));
});
