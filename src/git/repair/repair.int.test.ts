import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { checkpointInput, sessionInput } from "../../../test/git/checkpoint-data.ts";
import { commitByHand, filesByHand } from "../../../test/git/hand-made.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import {
  gitTestEnv,
  makeRepository,
  runTestGit,
  type TestRepository,
} from "../../../test/git/repositories.ts";
import { disable } from "../flow/disable.ts";
import { branchRef } from "../format/checkpoint-refs.ts";
import { contentHashOf } from "../format/hash.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import type { Repository } from "../plumbing/repository.ts";
import { repairCheckpoints } from "../repair.ts";
import { verifyCheckpoints } from "../verify.ts";

const id = "a3b2c4d5e6f7";
let place: TestRepository;
let repository: Repository;

openedForEach((opened) => ({ place, repository } = opened));

const codes = async (): Promise<readonly string[]> =>
  (await verifyCheckpoints({ repository })).findings.map(({ code }) => code);
const root = (sessions: unknown): string =>
  JSON.stringify({ checkpoint_id: id, old_key: 1, checkpoints_count: 7, files_touched: null, sessions });
const slot = { metadata: '{"session_id":"s","created_at":"2026-05-01T00:00:00Z"}', full: "a\nb" };

for (const [layout, ref, folder] of [
  ["git-refs", refOfCheckpoint(id), ""],
  ["git-branch", branchRef, `${id.slice(0, 2)}/${id.slice(2)}/`],
] as const)
  test(`missing hashes and wrong paths in ${layout} are made of what is there, and all else stays`, async () => {
    const prefix = folder === "" ? "" : `/${folder.slice(0, -1)}`;
    const files = {
      "metadata.json": root([
        { metadata: "/x/0/metadata.json", extra: "kept" },
        { metadata: `${prefix}/9/metadata.json` },
      ]),
      "0/metadata.json": slot.metadata,
      "0/full.jsonl": slot.full,
      "0/full.jsonl.001": "c",
      "2/metadata.json": slot.metadata.replace('"s"', '"t"'),
      "2/full.jsonl": slot.full,
      "2/content_hash.txt": "nonsense",
      "2/context.md": "old",
    };
    const placed = Object.fromEntries(Object.entries(files).map(([name, text]) => [folder + name, text]));
    await commitByHand(repository, { ref, files: placed });
    const before = await place.git("rev-parse", ref);

    const dry = await repairCheckpoints({ repository, dryRun: true });
    expect(dry.repairs.map(({ where }) => where)).toEqual([
      "0/content_hash.txt",
      "2/content_hash.txt",
      "metadata.json",
    ]);
    expect(await place.git("rev-parse", ref)).toBe(before);

    expect((await repairCheckpoints({ repository })).repairs).toEqual(dry.repairs);
    expect((await codes()).toSorted()).toEqual(["checkpoint_without_commit", "slots_sparse"]);
    const after = await filesByHand(repository, ref);
    const hash = (...texts: string[]): string => contentHashOf(texts.map((text) => Buffer.from(text)));
    expect(after[`${folder}0/content_hash.txt`]).toBe(hash(slot.full, "c"));
    expect(after[`${folder}2/content_hash.txt`]).toBe(hash(slot.full));
    const { sessions, ...rest } = JSON.parse(after[`${folder}metadata.json`]!) as {
      sessions: { extra?: string }[];
    };
    expect(rest).toEqual({ checkpoint_id: id, old_key: 1, checkpoints_count: 7, files_touched: null });
    expect(sessions).toMatchObject([
      { metadata: `${prefix}/0/metadata.json`, extra: "kept", content_hash: `${prefix}/0/content_hash.txt` },
      { metadata: `${prefix}/2/metadata.json`, context: `${prefix}/2/context.md` },
    ]);
    expect(await place.git("rev-parse", `${ref}^`)).toBe(before);
    expect((await repairCheckpoints({ repository })).repairs).toEqual([]);
  });

test("a ref that names nothing is noted and goes, one to a tree is moved aside, and one of a wrong shard is put right", async () => {
  const session = await sessionInput(repository, "alice");
  await layoutsUnderTest["git-refs"]!.open(repository).write(checkpointInput(id, [session]));
  const tip = await place.git("rev-parse", refOfCheckpoint(id));
  await place.git("update-ref", `refs/entire/checkpoints/a3/${id}`, tip);
  await place.git("update-ref", "-d", refOfCheckpoint(id));
  const gone = refOfCheckpoint("000000000001");
  mkdirSync(dirname(join(repository.commonDir, gone)), { recursive: true });
  writeFileSync(join(repository.commonDir, gone), `${"1".repeat(40)}\n`);
  const tree = refOfCheckpoint("000000000002");
  mkdirSync(dirname(join(repository.commonDir, tree)), { recursive: true });
  writeFileSync(join(repository.commonDir, tree), `${await place.git("rev-parse", `${tip}^{tree}`)}\n`);

  expect((await repairCheckpoints({ repository, dryRun: true })).repairs).toHaveLength(4);
  await repairCheckpoints({ repository });
  expect(await place.git("rev-parse", refOfCheckpoint(id))).toBe(tip);
  const refs = await place.git("for-each-ref", "--format=%(refname)", "refs/holdfast/", "refs/entire/");
  const aside = "refs/holdfast/quarantine/entire/checkpoints/01/000000000001";
  expect(refs.split("\n")).toEqual([
    refOfCheckpoint(id),
    aside,
    "refs/holdfast/quarantine/entire/checkpoints/02/000000000002",
    `refs/holdfast/quarantine/entire/checkpoints/a3/${id}`,
  ]);
  await disable(repository, { forget: true });
  expect(existsSync(join(repository.commonDir, "holdfast"))).toBe(false);
  const note = await place.git("cat-file", "blob", aside);
  expect(JSON.parse(note)).toEqual({ ref: gone, target: "1".repeat(40) });
  expect(await codes()).toEqual(["checkpoint_without_commit"]);
});

test.each(["alternates", "partial clone"] as const)(
  "a ref is kept whose commit is out of reach in a repository of the kind %s",
  async (kind) => {
    using borrower = await makeRepository(kind);
    const origin = join(borrower.folder, "origin");
    // So that its own history is there without the origin.
    await borrower.git("repack", "-q", "-a", "-d");
    const elsewhere = await runTestGit(origin, ["commit-tree", "-m", "Elsewhere", "HEAD^{tree}"]);
    await using there = await openRepository({ cwd: borrower.path, env: gitTestEnv });
    const refs = [refOfCheckpoint(id), `refs/entire/checkpoints/00/${id}`];
    for (const ref of refs) {
      mkdirSync(dirname(join(there.commonDir, ref)), { recursive: true });
      writeFileSync(join(there.commonDir, ref), `${elsewhere}\n`);
    }
    renameSync(origin, `${origin}.away`);
    const { repairs, left } = await repairCheckpoints({ repository: there });
    expect(repairs).toEqual([]);
    expect(left.map(({ where }) => where)).toEqual(expect.arrayContaining(refs));
    expect(left[0]!.sentence).toContain("The ref is kept");
    for (const ref of refs) expect(await there.refs.read(ref)).toBe(elsewhere);
    expect(await there.refs.list("refs/holdfast/")).toEqual([]);
  },
);

test("a mirror that is behind is healed, and what two slots repeat is told and not merged", async () => {
  const files = {
    "metadata.json": root([
      { metadata: `/${id.slice(0, 2)}/${id.slice(2)}/0/metadata.json` },
      { metadata: `/${id.slice(0, 2)}/${id.slice(2)}/1/metadata.json` },
    ]),
    "0/metadata.json": slot.metadata,
    "0/full.jsonl": slot.full,
    "0/content_hash.txt": contentHashOf([Buffer.from(slot.full)]),
    "1/metadata.json": slot.metadata,
    "1/full.jsonl": slot.full,
    "1/content_hash.txt": contentHashOf([Buffer.from(slot.full)]),
  };
  const folder = `${id.slice(0, 2)}/${id.slice(2)}/`;
  await commitByHand(repository, {
    ref: branchRef,
    files: Object.fromEntries(Object.entries(files).map(([name, text]) => [folder + name, text])),
  });
  await place.git("config", "holdfast.checkpoints", "git-branch");
  await place.git("config", "holdfast.mirror", "v2");
  const { repairs, left } = await repairCheckpoints({ repository });
  expect(repairs).toMatchObject([{ where: "v2", id }]);
  expect(left.map(({ code }) => code)).toContain("session_repeated");
  expect(await layoutsUnderTest["v2"]!.open(repository).read(id)).not.toBeNull();
  expect(Object.keys(await filesByHand(repository, branchRef))).toHaveLength(7);
});
