import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { checkpointInput, sessionInput, storeBlob, storeText } from "../../test/git/checkpoint-data.ts";
import { commitByHand, filesByHand } from "../../test/git/hand-made.ts";
import { openedForEach } from "../../test/git/opened-repository.ts";
import { gitTestEnv, type TestRepository } from "../../test/git/repositories.ts";
import { BehindNotes } from "./behind.ts";
import type { CheckpointInput, CheckpointStore, Layout, Written } from "./checkpoint-store.ts";
import { DualStore, type DualWriteOptions } from "./dual-write.ts";
import { branchRef } from "./format/checkpoint-refs.ts";
import { refOfCheckpoint } from "./format/ids.ts";
import { BranchLayout } from "./layouts/branch.ts";
import { RefsLayout } from "./layouts/refs.ts";
import { V2Layout } from "./layouts/v2/layout.ts";
import type { Repository } from "./plumbing/repository.ts";

const id = "a3b2c4d5e6f7";
const other = "0123456789ab";
const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
let place: TestRepository;
let repository: Repository;
let refs: RefsLayout;
let branch: BranchLayout;

openedForEach((opened) => {
  ({ place, repository } = opened);
  refs = new RefsLayout(repository);
  branch = new BranchLayout(repository);
});

const input = async (session = "s1", changes: Partial<CheckpointInput> = {}): Promise<CheckpointInput> =>
  checkpointInput(id, [await sessionInput(repository, session)], changes);
const dual = (options: Partial<DualWriteOptions> = {}): DualStore =>
  new DualStore({ repository, primary: branch, mirrors: [refs], ...options });
const sessionsIn = async (store: CheckpointStore, checkpoint = id) =>
  (await store.read(checkpoint))?.sessions.map(({ slot, sessionId }) => `${slot} ${sessionId}`);
const inRefs = (...ids: string[]) => ids.map((one) => ({ layout: "git-refs" as const, id: one }));
// A ref whose name is the folder of the mirror's: git itself allows no ref below it.
const blocker = `refs/entire/checkpoints/${id.slice(-2)}`;
const block = () => place.git("update-ref", blocker, "HEAD");
const unblock = () => place.git("update-ref", "-d", blocker);
const behindFolder = (): string => join(repository.commonDir, "holdfast", "behind");

describe("a primary and its mirrors", () => {
  test("what is written lies in both, with the same blobs and each with slots of its own", async () => {
    await refs.write(await input("elsewhere"));
    const mirrored: [Layout, Written][] = [];
    const store = dual({ onMirrored: async (layout, written) => void mirrored.push([layout, written]) });
    expect(await store.write(await input())).toMatchObject({
      changed: true,
      slots: new Map([["s1", 0]]),
      refs: [branchRef],
    });
    await store.settled();
    expect(await sessionsIn(refs)).toEqual(["0 elsewhere", "1 s1"]);
    expect((await refs.read(id))?.sessions[1]?.transcript).toEqual(
      (await branch.read(id))?.sessions[0]?.transcript,
    );
    expect(mirrored).toMatchObject([["git-refs", { refs: [refOfCheckpoint(id)] }]]);
    expect([await store.behind(), readdirSync(behindFolder())]).toEqual([[], []]);
  });

  test("the primary's answer does not wait for a mirror", async () => {
    const gate = Promise.withResolvers<void>();
    const slow: CheckpointStore = Object.assign(Object.create(refs) as RefsLayout, {
      write: async (checkpoint: CheckpointInput) => {
        await gate.promise;
        return refs.write(checkpoint);
      },
    });
    const store = dual({ mirrors: [slow] });
    await store.write(await input());
    expect([await sessionsIn(branch), await sessionsIn(refs)]).toEqual([["0 s1"], undefined]);
    // A process that is at work is not behind.
    expect([await store.behind(), readdirSync(behindFolder()).length]).toEqual([[], 1]);
    gate.resolve();
    await store.settled();
    expect(await sessionsIn(refs)).toEqual(["0 s1"]);
  });

  test("a mirror that fails is told, counted once a checkpoint, and healed from the primary", async () => {
    await block();
    const told: string[] = [];
    const store = dual({ onBehind: ({ layout }, reason) => told.push(`${layout} ${reason}`) });
    await store.write(await input("s1"));
    await store.write(await input("s2"));
    await store.settled();
    expect(await sessionsIn(branch)).toEqual(["0 s1", "1 s2"]);
    expect(await store.behind()).toMatchObject([{ layout: "git-refs", id, what: "write", attempts: 2 }]);
    expect([told.length, told[0]]).toEqual([2, expect.stringContaining(blocker)]);
    expect(await store.heal()).toMatchObject({ healed: 0, left: [{ id, attempts: 3 }] });
    await unblock();
    expect(await store.heal()).toEqual({ healed: 1, left: [] });
    expect(await sessionsIn(refs)).toEqual(["0 s1", "1 s2"]);
    expect(readdirSync(behindFolder())).toEqual([]);
  });

  test("a primary that fails leaves its mirrors alone, and nothing behind", async () => {
    await place.git("update-ref", "refs/heads/entire/checkpoints", "HEAD");
    const store = dual();
    await expect(store.write(await input())).rejects.toMatchObject({ code: "git_ref_conflict" });
    await expect(store.update(await input())).rejects.toMatchObject({ code: "checkpoint_unknown" });
    await store.settled();
    expect([await refs.list(), await store.behind(), readdirSync(behindFolder())]).toEqual([[], [], []]);
  });

  test("a process that is killed between the primary and a mirror leaves a note, by which the mirror is healed", async () => {
    const script = fileURLToPath(new URL("../../test/git/dual-worker.ts", import.meta.url));
    const worker = spawn(process.execPath, ["--no-warnings", script, place.path, id, "s1"], {
      env: gitTestEnv,
    });
    expect((await once(worker, "exit"))[1]).toBe("SIGKILL");
    const store = dual();
    expect([await sessionsIn(branch), await sessionsIn(refs)]).toEqual([["0 s1"], undefined]);
    expect(await store.behind()).toMatchObject([{ id, attempts: 1, reason: undefined }]);
    expect(await store.heal()).toEqual({ healed: 1, left: [] });
    expect(await sessionsIn(refs)).toEqual(["0 s1"]);
  });

  test("a removal reaches the mirrors, and one that failed is made up for", async () => {
    const store = dual();
    await store.write(await input());
    await store.write({ ...(await input()), id: other });
    await store.settled();
    expect(await store.remove(other)).toEqual({ removed: true });
    await store.settled();
    await refs.remove(id);
    await store.remove(id);
    await store.settled();
    await refs.write(await input());
    await new BehindNotes(repository.commonDir)
      .begin({ layout: "git-refs", id, what: "remove" })
      .then((note) => note.failed("x"));
    expect((await store.heal()).left).toEqual([]);
    expect([await branch.list(), await refs.list()]).toEqual([[], []]);
  });

  test("healing takes nothing away from a mirror that the primary never had", async () => {
    await refs.write(await input());
    const note = await new BehindNotes(repository.commonDir).begin({ layout: "git-refs", id, what: "write" });
    await note.failed("the primary was never written");
    expect(await dual().heal()).toEqual({ healed: 0, left: [] });
    expect(await sessionsIn(refs)).toEqual(["0 s1"]);
  });

  test("a mirror that missed an update on the older branch is healed from there, whatever notes it has", async () => {
    const v2 = new V2Layout(repository);
    for (const layout of [branch, v2]) await layout.write(await input());
    const full: CheckpointStore = Object.assign(Object.create(v2) as V2Layout, {
      update: () => Promise.reject(new Error("No space left on device")),
    });
    const options = { primary: refs, older: branch, ulidMirrors: true };
    const missing = dual({ ...options, mirrors: [full] });
    const transcript = await storeText(repository, "{}\n{}\n");
    await missing.update(checkpointInput(id, [await sessionInput(repository, "s1", { transcript })]));
    await missing.settled();
    const blobs = async (): Promise<unknown> => (await v2.read(id))?.sessions[0]?.transcript;
    const updated = transcript.chunks.map((chunk) => chunk.id);
    expect(await blobs()).not.toEqual(updated);
    expect(await dual({ ...options, mirrors: [v2] }).heal()).toEqual({ healed: 1, left: [] });
    expect(await blobs()).toEqual(updated);

    await v2.write(await input());
    const store = dual({ ...options, mirrors: [v2] });
    expect(await store.heal({ also: [{ layout: "v2", id }] })).toEqual({ healed: 1, left: [] });
    expect(await blobs()).toEqual(updated);
  });

  test("healing what is named brings a new mirror to what the primary holds, and a second time changes nothing", async () => {
    const assets = {
      manifest: await storeBlob(repository, "{}"),
      files: [{ name: "1.png", id: await storeBlob(repository, "png") }],
    };
    const full = await sessionInput(repository, "s1", {
      assets,
      compact: await storeText(repository, '{"v":1}\n'),
      prompts: ["One", "Two"],
    });
    const tasks = ["a1", "a2"].map((agentId) => ({
      toolUseId: "toolu_1",
      agentId,
      task: { files: ["x"] },
      transcript: full.transcript!,
    }));
    await branch.write(
      checkpointInput(id, [full], { tasks, root: { linked_commits: [{ sha: "1", repo: "2" }] } }),
    );
    await branch.write({ ...(await input("s2")), id: other });
    const store = dual();
    expect(await store.heal({ also: inRefs(id, other) })).toEqual({ healed: 2, left: [] });
    expect((await refs.list()).map((listed) => listed.id)).toEqual([other, id]);
    const files = await filesByHand(repository, `${branchRef}:a3/b2c4d5e6f7`);
    const copied = await filesByHand(repository, refOfCheckpoint(id));
    expect(Object.keys(files).length).toBeGreaterThan(9);
    expect(copied).toEqual({
      ...files,
      "metadata.json": files["metadata.json"]?.replaceAll("/a3/b2c4d5e6f7/", "/"),
    });
    const before = await refs.list();
    await store.heal({ also: inRefs(id, other) });
    expect(await refs.list()).toEqual(before);
  });

  test("files that the format does not know come along, and a transcript that lacks a piece is refused", async () => {
    const root = { checkpoint_id: id, sessions: [{ metadata: "/0/metadata.json" }] };
    const files = {
      "metadata.json": JSON.stringify(root),
      "notes/own.txt": "own",
      "0/metadata.json": '{"session_id":"s1"}',
      "0/context.md": "# Old",
      "0/more/x.txt": "x",
      "0/assets/1.png": "png",
      "tasks/toolu_1/task.json": '{"tool_use_id":"toolu_1"}',
      "tasks/toolu_1/agent-a1.jsonl": "{}",
      "tasks/toolu_1/log.txt": "log",
    };
    const ref = refOfCheckpoint(id);
    await commitByHand(repository, {
      ref,
      files: { ...files, "0/full.jsonl": "a", "0/full.jsonl.002": "c" },
    });
    const v2 = new V2Layout(repository);
    const store = dual({ primary: refs, mirrors: [branch, v2], ulidMirrors: true });
    const also = (["git-branch", "v2"] as const).map((layout) => ({ layout, id }));
    const { healed, left } = await store.heal({ also });
    expect([healed, left.length]).toEqual([0, 2]);
    expect(left[0]!.reason).toMatch(/cannot be copied: .*Piece 1 of the transcript is not there/);
    await commitByHand(repository, {
      ref,
      files: { ...files, "tasks/toolu_1/agent-a1.jsonl.002": "{}" },
    });
    expect((await store.heal()).left).toHaveLength(2);

    await commitByHand(repository, { ref, files });
    expect(await store.heal()).toEqual({ healed: 2, left: [] });
    const onBranch = await filesByHand(repository, `${branchRef}:a3/b2c4d5e6f7`);
    expect(Object.keys(onBranch).toSorted()).toEqual(Object.keys(files).toSorted());
    expect(onBranch).toMatchObject({ "0/context.md": "# Old", "0/assets/1.png": "png" });
    expect(JSON.parse(onBranch["metadata.json"]!)).toMatchObject({
      sessions: [{ context: "/a3/b2c4d5e6f7/0/context.md" }],
    });
    const names = ({ name }: { readonly name: string }): string => name;
    const whole = (await v2.read(id))!;
    expect([whole.others.map(names), whole.tasks[0]!.others.map(names)]).toEqual([["notes"], ["log.txt"]]);
    expect(whole.sessions[0]!.others.map(names)).toEqual(["context.md", "more"]);
    expect(whole.sessions[0]!.assets.map(names)).toEqual(["1.png"]);
  });

  test("records of any age are carried over byte for byte", async () => {
    const session =
      '{\n  "session_id": "2026-01-01-x",\n  "steps_count": 2,\n  "branch": "",\n  "agents": "Claude Code",\n  "transcript_lines_at_start": 3,\n  "checkpoint_id": "a3b2c4d5e6f7",\n  "initial_attribution": {\n    "agent_percentage": 50.0\n  }\n}\n';
    const root =
      '{\n  "checkpoint_id": "a3b2c4d5e6f7",\n  "strategy": "auto-commit",\n  "branch": "",\n  "migration_source_commit": "97c165f",\n  "checkpoints_count": 7,\n  "files_touched": null,\n  "sessions": [\n    {\n      "metadata": "/a3/b2c4d5e6f7/0/metadata.json",\n      "transcript": "/a3/b2c4d5e6f7/0/full.jsonl"\n    }\n  ]\n}\n';
    const files = { "a3/b2c4d5e6f7/metadata.json": root, "a3/b2c4d5e6f7/0/metadata.json": session };
    await commitByHand(repository, { ref: branchRef, files });
    await dual().heal({ also: inRefs(id) });
    expect(await filesByHand(repository, refOfCheckpoint(id))).toEqual({
      "metadata.json": root.replaceAll("/a3/b2c4d5e6f7/", "/"),
      "0/metadata.json": session,
    });
    const before = await refs.list();
    await dual().heal({ also: inRefs(id) });
    expect(await refs.list()).toEqual(before);
  });
});

describe("where checkpoints are read from", () => {
  const refsFirst = (): DualStore => dual({ primary: refs, mirrors: [], older: branch });

  test("a hex id is looked for in the refs, then in the branch, and an update goes where it is", async () => {
    await branch.write(await input("old"));
    const store = refsFirst();
    expect(await sessionsIn(store)).toEqual(["0 old"]);
    const summary = { sessionId: "old", metadata: { summary: { intent: "x" } }, prompts: [] };
    expect((await store.update(checkpointInput(id, [summary]))).refs).toEqual([branchRef]);
    await store.write(await input("new"));
    expect([await sessionsIn(store), await sessionsIn(branch)]).toEqual([["0 new"], ["0 old"]]);
    expect((await store.update(checkpointInput(id, [summary]))).refs).toEqual([refOfCheckpoint(id)]);
  });

  test("a ULID is looked for in the refs alone", async () => {
    await new BranchLayout(repository, { allowUlids: true }).write({ ...(await input()), id: ulid });
    expect(await refsFirst().read(ulid)).toBeNull();
    await refs.write({ ...(await input()), id: ulid });
    expect(await sessionsIn(dual(), ulid)).toEqual(["0 s1"]);
  });

  test("with the branch as primary, refs that are no mirror are not asked for hex ids", async () => {
    await refs.write(await input());
    expect(await dual({ mirrors: [] }).read(id)).toBeNull();
  });

  test("a store that fails is passed over, and the last one's answer counts", async () => {
    await branch.write(await input("old"));
    await place.git("update-ref", refOfCheckpoint(id), await place.git("rev-parse", "HEAD^{tree}"));
    expect(await sessionsIn(refsFirst())).toEqual(["0 old"]);
    await branch.remove(id);
    expect(await refsFirst().read(id)).toBeNull();
    await expect(dual({ primary: refs, mirrors: [] }).read(id)).rejects.toMatchObject({
      code: "checkpoint_damaged",
      message: expect.stringContaining(refOfCheckpoint(id)),
    });
    await place.git("update-ref", "-d", refOfCheckpoint(id));
  });

  test("a list holds each checkpoint of both once, as the primary has it", async () => {
    await branch.write(await input("old"));
    await branch.write({ ...(await input("old")), id: other });
    const { commit } = await refs.write(await input("new"));
    const listed = await refsFirst().list();
    expect(listed.map((each) => each.id)).toEqual([other, id]);
    expect(listed[1]?.version).toBe(commit);
  });
});

describe("mirrors that cannot be", () => {
  test("one that could not hold the primary's ULIDs is refused by name, unless it is asked for", async () => {
    const forced = new BranchLayout(repository, { allowUlids: true });
    const options = { repository, primary: refs, mirrors: [forced] };
    expect(() => new DualStore(options)).toThrow(/git-branch.*holdfast\.ulidMirrors/);
    const store = new DualStore({ ...options, ulidMirrors: true });
    await store.write({ ...(await input()), id: ulid });
    await store.settled();
    expect(await sessionsIn(forced, ulid)).toEqual(["0 s1"]);
  });

  test("a layout is named once", () => {
    expect(() => dual({ mirrors: [branch] })).toThrow("git-branch is named twice");
  });
});

describe("notes of what is behind", () => {
  test("they are their owner's alone, and files of others among them are left alone", async () => {
    const notes = new BehindNotes(repository.commonDir);
    mkdirSync(behindFolder(), { recursive: true });
    for (const name of [
      "README",
      "v2.../x.write.1.json".replace("/", ""),
      "git-refs.A3.write.1.json",
      ".json",
    ])
      writeFileSync(join(behindFolder(), name), "{}");
    writeFileSync(join(behindFolder(), `v2.${id}.write.torn.json`), '{"attem');
    await (await notes.begin({ layout: "v2", id: other, what: "remove" })).failed("because\nof it");
    const own = readdirSync(behindFolder()).find((name) => name.startsWith(`v2.${other}`)) ?? "";
    expect(statSync(join(behindFolder(), own)).mode & 0o777).toBe(0o600);
    expect(
      (await notes.list()).map(({ layout, what, attempts, reason }) => [layout, what, attempts, reason]),
    ).toEqual([
      ["v2", "remove", 1, "because\nof it"],
      ["v2", "write", 1, undefined],
    ]);
  });

  test("the note of a process that is at work stays, whoever heals meanwhile", async () => {
    const notes = new BehindNotes(repository.commonDir);
    const work = { layout: "git-refs", id, what: "write" } as const;
    await (await notes.begin(work)).failed("before");
    const running = await notes.begin(work);
    expect(await notes.settle(work, async () => undefined)).toBeUndefined();
    expect([await notes.list(), readdirSync(behindFolder()).length]).toEqual([[], 1]);
    await running.done();
    expect(readdirSync(behindFolder())).toEqual([]);
  });

  test("what comes while a mirror is healed stays noted", async () => {
    const notes = new BehindNotes(repository.commonDir);
    const work = { layout: "git-refs", id, what: "write" } as const;
    await (await notes.begin(work)).failed("before");
    await notes.settle(work, async () => (await notes.begin(work)).failed("meanwhile"));
    expect(await notes.list()).toMatchObject([{ reason: "meanwhile" }]);
  });
});
