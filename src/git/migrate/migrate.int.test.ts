import { expect, test } from "vitest";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { commitByHand, filesByHand } from "../../../test/git/hand-made.ts";
import { checkpointInput, sessionInput, storeText, textOfBlobs } from "../../../test/git/checkpoint-data.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import type { TestRepository } from "../../../test/git/repositories.ts";
import type { CheckpointStore, Layout } from "../checkpoint-store.ts";
import { branchRef } from "../format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import type { Repository } from "../plumbing/repository.ts";
import { PushQueue } from "../push/queue.ts";
import { type MigrateParams, migrateCheckpoints } from "./migrate.ts";
import type { MigrateReport } from "./report.ts";

const directions: readonly (readonly [Layout, Layout])[] = [
  ["git-branch", "git-refs"],
  ["git-refs", "git-branch"],
  ["git-branch", "v2"],
  ["git-refs", "v2"],
  ["v2", "git-refs"],
  ["v2", "git-branch"],
];
const [one, two] = ["a3b2c4d5e6f7", "0123456789ab"];
const [alice, bob] = ["5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934", "2026-02-03-cb28cdbd"];
const author = { name: "Ann Other", email: "ann@example.com", atMs: 1_760_000_000_000, offset: "-0500" };

let place: TestRepository;
let repository: Repository;

openedForEach((opened) => ({ place, repository } = opened));

const storeOf = (layout: Layout): CheckpointStore => layoutsUnderTest[layout]!.open(repository);
const migrate = (from: Layout, to: Layout, more: Partial<MigrateParams> = {}): Promise<MigrateReport> =>
  migrateCheckpoints({ repository, from, to, ...more });
const tips = async (): Promise<string> => JSON.stringify(await repository.refs.list("refs/"));

async function writeBoth(store: CheckpointStore): Promise<void> {
  const legacy = { old_key: { kept: true }, created_at: "2026-02-03T06:21:41.461334Z", agent: "Claude Code" };
  const compact = await storeText(repository, '{"v":1}\n');
  const session = await sessionInput(repository, alice, { metadata: legacy, compact });
  const task = { toolUseId: "toolu_1", task: { subagent_type: "Explore" }, agentId: "a1" };
  const transcript = await storeText(repository, '{"task":1}\n');
  const root = { unknown_key: [1, "two"] };
  await store.write(
    checkpointInput(one, [session, await sessionInput(repository, bob)], {
      author,
      root,
      tasks: [{ ...task, transcript }],
    }),
  );
  await store.write(checkpointInput(two, [await sessionInput(repository, alice)], { author }));
}

async function expectBoth(store: CheckpointStore): Promise<void> {
  expect((await store.list()).map(({ id }) => id).toSorted()).toEqual([two, one]);
  const stored = await store.read(one);
  expect(stored?.findings).toEqual([]);
  expect(stored?.root.list("unknown_key")).toHaveLength(2);
  expect(stored?.sessions.map(({ sessionId }) => sessionId)).toEqual([alice, bob]);
  const [session] = stored!.sessions;
  expect(session?.metadata.text("created_at")).toBe("2026-02-03T06:21:41.461334Z");
  expect(session?.metadata.object("old_key")?.get("kept")).toBe(true);
  expect(await textOfBlobs(repository, session!.transcript)).toBe(`{"session":"${alice}"}\n`);
  expect(await textOfBlobs(repository, [session?.compact ?? ""])).toBe('{"v":1}\n');
  expect(stored?.tasks.map(({ toolUseId, transcripts }) => [toolUseId, transcripts.length])).toEqual([
    ["toolu_1", 1],
  ]);
}

for (const [from, to] of directions) {
  test(`from ${from} to ${to} everything comes over, with who wrote it and when`, async () => {
    await writeBoth(storeOf(from));
    expect(await migrate(from, to)).toMatchObject({ checkpoints: 2, created: 2, unchanged: 0, problems: [] });
    await expectBoth(storeOf(to));
    const ref = {
      "git-refs": refOfCheckpoint(one),
      "git-branch": branchRef,
      v2: "refs/entire/checkpoints/v2/main",
    };
    const names = (await place.git("log", "-1", "--format=%an <%ae> %at", ref[to])).split("\n");
    expect(names).toEqual([`Ann Other <ann@example.com> ${author.atMs / 1000}`]);
    const { refs } = await new PushQueue(repository.commonDir).drain();
    expect(refs).toContain(ref[to]);
  });

  test(`from ${from} to ${to} a second time changes nothing, and a dry run nothing at all`, async () => {
    await writeBoth(storeOf(from));
    const before = await tips();
    expect(await migrate(from, to, { dryRun: true })).toMatchObject({ created: 2, dryRun: true });
    expect(await tips()).toBe(before);
    await migrate(from, to);
    const after = await tips();
    expect(await migrate(from, to)).toMatchObject({ created: 0, extended: 0, unchanged: 2, kept: [] });
    expect(await tips()).toBe(after);
  });

  test(`from ${from} to ${to} what went on in one layout joins, and what is newer in the other stays`, async () => {
    await writeBoth(storeOf(from));
    await migrate(from, to);
    const longer = async (sessionId: string, more: string) => ({
      ...(await sessionInput(repository, sessionId)),
      transcript: await storeText(repository, `{"session":"${sessionId}"}\n${more}`),
    });
    await storeOf(from).write(checkpointInput(one, [await longer(bob, "source\n")]));
    await storeOf(to).write(checkpointInput(one, [await longer(alice, "target\n")]));
    expect(await migrate(from, to)).toMatchObject({ created: 0, extended: 1, unchanged: 1, kept: [] });
    const texts = async () =>
      Promise.all(
        (await storeOf(to).read(one))!.sessions.map(({ transcript }) => textOfBlobs(repository, transcript)),
      );
    const joined = [`{"session":"${alice}"}\ntarget\n`, `{"session":"${bob}"}\nsource\n`];
    expect(await texts()).toEqual(joined);
    expect(await migrate(from, to)).toMatchObject({ extended: 0, unchanged: 2 });
    expect(await texts()).toEqual(joined);
  });
}

test("files that the format does not know come over, also to a copy that lacks them, and no lost piece is hidden", async () => {
  const [known, unknown] = [{ "metadata.json": "{}" }, { "own.txt": "own", "0/context.md": "# Old" }];
  const slot = { "0/metadata.json": `{"session_id":"${alice}"}`, "0/full.jsonl": "a" };
  const write = (id: string, files: Record<string, string>) =>
    commitByHand(repository, { ref: refOfCheckpoint(id), files: { ...known, ...slot, ...files } });
  await write(one, unknown);
  await write(two, { "0/full.jsonl.002": "c" });
  const lost = { id: two, reason: expect.stringContaining("Piece 1 of the transcript") };
  expect(await migrate("git-refs", "v2")).toMatchObject({ created: 1, problems: [lost] });
  expect(await storeOf("v2").read(two)).toBeNull();
  for (const late of [{ "late.txt": "late" }, { "late.txt": "other", "0/late.md": "# Late" }]) {
    await write(one, { ...unknown, ...late });
    expect(await migrate("git-refs", "v2")).toMatchObject({ extended: 1, problems: [lost] });
  }
  expect(await migrate("git-refs", "v2")).toMatchObject({ unchanged: 1, problems: [lost] });
  const stored = (await storeOf("v2").read(one))!;
  expect(stored.others.map(({ name }) => name)).toEqual(["late.txt", "own.txt"]);
  expect(stored.sessions[0]!.others.map(({ name }) => name)).toEqual(["context.md", "late.md"]);
});

test("two copies with different words stay as they are, and are told", async () => {
  await writeBoth(storeOf("git-branch"));
  await migrate("git-branch", "git-refs");
  const other = async (text: string) => ({
    ...(await sessionInput(repository, alice)),
    transcript: await storeText(repository, text),
  });
  await storeOf("git-refs").write(checkpointInput(two, [await other("left\n")]));
  await storeOf("git-branch").write(checkpointInput(two, [await other("right\n")]));
  expect((await migrate("git-branch", "git-refs")).kept).toEqual([{ id: two, sessions: [alice] }]);
  const stored = await storeOf("git-refs").read(two);
  expect(await textOfBlobs(repository, stored!.sessions[0]!.transcript)).toBe("left\n");
});

test("checkpoints that were deleted on purpose stay away", async () => {
  await writeBoth(storeOf("git-branch"));
  writeFileSync(
    join(repository.commonDir, "entire-deleted-checkpoints.json"),
    JSON.stringify({ checkpoint_ids: [one, "../x"] }),
  );
  expect(await migrate("git-branch", "git-refs")).toMatchObject({ created: 1, deleted: [one] });
  expect(await storeOf("git-refs").read(one)).toBeNull();
});

test("a ULID goes where nobody looks for it only when that is asked for", async () => {
  const ulid = "01JZ8K4W5X6Y7Z8A9B0C1D2E3F";
  await storeOf("git-refs").write(checkpointInput(ulid, [await sessionInput(repository, alice)]));
  expect(await migrate("git-refs", "git-branch")).toMatchObject({ created: 0, refused: [ulid] });
  expect(await migrate("git-refs", "git-branch", { allowUlids: true })).toMatchObject({
    created: 1,
    refused: [],
  });
});

test("an old record comes over byte for byte but for its paths and the version of its form", async () => {
  const root = (prefix: string, version: string): string =>
    `{\n  "checkpoint_id": "${one}",${version}\n  "checkpoints_count": 1.0,\n  "files_touched": null,\n` +
    `  "sessions": [\n    {\n      "metadata": "${prefix}/2/metadata.json",\n      "transcript": "${prefix}/2/full.jsonl",\n` +
    `      "context": "${prefix}/2/context.md",\n      "prompt": ""\n    },\n    null\n  ],\n  "combined_attribution": {\n    "agent_percentage": 1e2\n  }\n}\n`;
  const rest = {
    "0/full.jsonl": '{"messages":[{"type":"gemini"}]}',
    "2/metadata.json": '{"session_id":"s","files_touched":null,   "agents":"x"}',
    "2/full.jsonl": "a\n",
    "2/full.jsonl.002": "c",
    "2/full.jsonl.orig": "foreign",
    "2/context.md": "old",
    "tasks/toolu_9/task.json": "no json",
  };
  const folder = `${one.slice(0, 2)}/${one.slice(2)}`;
  const files = { "metadata.json": root(`/${folder}`, '\n  "checkpoint_version": 1,'), ...rest };
  const placed = Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
  await commitByHand(repository, { ref: branchRef, files: placed });
  await migrate("git-branch", "git-refs");
  const written = await filesByHand(repository, (await repository.refs.read(refOfCheckpoint(one)))!);
  expect(written).toEqual({ "metadata.json": root("", ""), ...rest });
  await place.git("update-ref", "-d", branchRef);
  await migrate("git-refs", "git-branch");
  const back = await filesByHand(repository, branchRef);
  expect(back[`${folder}/metadata.json`]).toBe(root(`/${folder}`, ""));
});

/** A checkpoint of the branch by files; each session's start of its part is told in three ways. */
async function commitOld(sessions: Readonly<Record<string, object>>, files: Record<string, string> = {}) {
  const folder = `${one.slice(0, 2)}/${one.slice(2)}`;
  const starts = { transcript_identifier_at_start: "u7", transcript_lines_at_start: 7 };
  const slots = Object.entries(sessions).flatMap(([slot, fields]) => [
    [`${slot}/metadata.json`, JSON.stringify({ checkpoint_id: one, ...starts, ...fields })],
    [`${slot}/full.jsonl`, `{"slot":${slot}}\n`],
  ]);
  const all = { "metadata.json": `{"checkpoint_id":"${one}"}`, ...Object.fromEntries(slots), ...files };
  const placed = Object.entries(all).map(([name, text]) => [`${folder}/${name}`, text]);
  await commitByHand(repository, { ref: branchRef, files: Object.fromEntries(placed) });
}

test("a record whose keys v2 has in another form is carried once, and never changed again", async () => {
  await commitOld({ 0: { session_id: alice, created_at: "2026-02-03T06:21:41Z" } });
  await migrate("git-branch", "v2");
  const [before, stored] = [await tips(), await storeOf("v2").read(one)];
  const { metadata } = stored!.sessions[0]!;
  expect(metadata.text("transcript_identifier_at_start")).toBe("u7");
  expect(metadata.number("checkpoint_transcript_start")).toBe(7);
  for (let again = 0; again < 2; again += 1) {
    expect(await migrate("git-branch", "v2")).toMatchObject({ extended: 0, unchanged: 1, problems: [] });
    expect(await tips()).toBe(before);
  }
});

test("what the other layout has no place for is told each time, and not where it is there", async () => {
  await commitOld(
    {
      0: { session_id: alice, created_at: "2026-02-03T06:21:41Z" },
      1: { session_id: alice, created_at: "2026-02-04T06:21:41Z" },
      2: {},
    },
    {
      ...{ "1/context.md": "old", "notes.txt": "ours", "tasks/toolu_9/task.json": "no json" },
      "1/assets/more/p.png": "png",
    },
  );
  const { problems } = await migrate("git-branch", "v2");
  expect(problems.map(({ id }) => id)).toEqual([one]);
  for (const part of ["slot 0", "slot 2", "tasks/toolu_9/task.json", "1/assets/more"])
    expect(problems[0]?.reason).toContain(part);
  for (const part of ["slot 1", "context.md", "notes.txt"]) expect(problems[0]?.reason).not.toContain(part);
  const stored = await storeOf("v2").read(one);
  expect(stored?.others.map(({ name }) => name)).toEqual(["notes.txt"]);
  expect(stored?.sessions.map(({ others }) => others.map(({ name }) => name))).toEqual([["context.md"]]);
  expect(await migrate("git-branch", "v2")).toMatchObject({ unchanged: 1, problems });
  expect(await migrate("git-branch", "git-refs")).toMatchObject({ created: 1, problems: [] });
  await storeOf("git-refs").write(checkpointInput(one, [await sessionInput(repository, bob)]));
  await storeOf("git-branch").write(checkpointInput(one, [await sessionInput(repository, "carol")]));
  expect(await migrate("git-branch", "git-refs")).toMatchObject({ extended: 1, problems: [] });
});

test("a commit of the branch that is not whole costs the authors, not the checkpoints", async () => {
  await writeBoth(storeOf("git-branch"));
  const lost = await place.git("rev-parse", `${branchRef}~1^{tree}`);
  const path = join(repository.commonDir, "objects", lost.slice(0, 2), lost.slice(2));
  renameSync(path, `${path}.away`);
  const report = await migrate("git-branch", "git-refs");
  expect(report).toMatchObject({ created: 2, problems: [{ id: branchRef }] });
  expect(report.problems[0]?.reason).toContain("who wrote");
  await expectBoth(storeOf("git-refs"));
  renameSync(`${path}.away`, path);
});

test("a folder that is not in the repository is told, and stops no other", async () => {
  await writeBoth(storeOf("git-refs"));
  const ref = refOfCheckpoint(two);
  writeFileSync(join(repository.commonDir, ref), `${"1".repeat(40)}\n`);
  const report = await migrate("git-refs", "git-branch");
  expect(report).toMatchObject({ created: 1, problems: [{ id: two }] });
  await place.git("update-ref", "--no-deref", "-d", ref);
});

test("a checkpoint whose own folder is not here is told in whole words", async () => {
  await writeBoth(storeOf("git-refs"));
  const lost = await place.git("rev-parse", `${refOfCheckpoint(two)}^{tree}`);
  const path = join(repository.commonDir, "objects", lost.slice(0, 2), lost.slice(2));
  renameSync(path, `${path}.away`);
  const { created, problems } = await migrate("git-refs", "v2");
  renameSync(`${path}.away`, path);
  const words = `The checkpoint ${two} cannot be copied: The object ${lost} is not in the repository.`;
  expect([created, problems]).toMatchObject([
    1,
    [{ id: two, reason: expect.stringContaining(words) as string }],
  ]);
});

test.each(["git-branch", "v2"] as const)(
  "a ref of no commit is told with its name, and stops no other checkpoint on its way to %s",
  async (to) => {
    await writeBoth(storeOf("git-refs"));
    const named = [
      ["000000000001", await place.git("rev-parse", "HEAD:README.md")],
      ["000000000002", await place.git("rev-parse", "HEAD^{tree}")],
    ] as const;
    for (const [id, target] of named) await place.git("update-ref", refOfCheckpoint(id), target);
    const report = await migrate("git-refs", to);
    expect(report).toMatchObject({ created: 2, problems: named.map(([id]) => ({ id })) });
    for (const [index, [id]] of named.entries())
      expect(report.problems[index]?.reason).toContain(refOfCheckpoint(id));
    await expectBoth(storeOf(to));
  },
);

test("a shard of the branch that is not here costs the checkpoints that belong into it, and no other", async () => {
  const three = "ff0000000000";
  await storeOf("git-branch").write(checkpointInput(two, [await sessionInput(repository, alice)]));
  const shard = await place.git("rev-parse", `${branchRef}:${two.slice(0, 2)}`);
  await writeBoth(storeOf("git-refs"));
  await storeOf("git-refs").write(checkpointInput(three, [await sessionInput(repository, alice)]));
  const path = join(repository.commonDir, "objects", shard.slice(0, 2), shard.slice(2));
  renameSync(path, `${path}.away`);
  const lost = { id: two, reason: expect.stringContaining(`shard of ${branchRef}`) as string };
  for (const dryRun of [true, false])
    expect(await migrate("git-refs", "git-branch", { dryRun })).toMatchObject({
      created: 2,
      problems: [lost],
    });
  renameSync(`${path}.away`, path);
  const there = await storeOf("git-branch").list();
  expect(there.map(({ id }) => id).toSorted()).toEqual([two, one, three]);
});

test("many refs are made at once and one that is there already stays", async () => {
  const ids = Array.from({ length: 150 }, (_, index) => index.toString(16).padStart(12, "0"));
  const files = Object.fromEntries(
    ids.map((id) => [`${id.slice(0, 2)}/${id.slice(2)}/0/metadata.json`, `{"session_id":"${id}"}`]),
  );
  await commitByHand(repository, { ref: branchRef, files });
  const seen: number[] = [];
  const report = await migrate("git-branch", "git-refs", { onProgress: ({ done }) => seen.push(done) });
  expect(report).toMatchObject({ created: 150, problems: [] });
  expect(seen.at(-1)).toBe(150);
  const refs = await place.git("for-each-ref", "--format=%(refname)", "refs/entire/");
  expect(refs.split("\n").toSorted()).toEqual(ids.map(refOfCheckpoint).toSorted());
  expect(await place.git("rev-parse", "main")).toMatch(/^[0-9a-f]{40}$/);
});
