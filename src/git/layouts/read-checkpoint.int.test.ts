import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuMs } from "../../../test/cpu-time.ts";
import fc from "fast-check";
import { storeBlob } from "../../../test/git/checkpoint-data.ts";
import { commitByHand, treeByHand, type HandMadeFile } from "../../../test/git/hand-made.ts";
import { gitTestEnv, makeRepository, type TestRepository } from "../../../test/git/repositories.ts";
import type { StoredCheckpoint } from "../checkpoint-store.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import type { Repository } from "../plumbing/repository.ts";
import { maxSessions, readCheckpoint } from "./read-checkpoint.ts";

const id = "a3b2c4d5e6f7";
const hash = `sha256:${"0".repeat(64)}`;
let place: TestRepository;
let repository: Repository;

beforeAll(async () => {
  place = await makeRepository("plain");
  repository = await openRepository({ cwd: place.path, env: gitTestEnv });
});

afterAll(async () => {
  await repository[Symbol.asyncDispose]();
  place[Symbol.dispose]();
});

let refs = 0;
const readTree = (tree: string): Promise<StoredCheckpoint> =>
  readCheckpoint(repository.objects, { id, version: tree, tree, prefix: "" });
const readFiles = async (files: Readonly<Record<string, HandMadeFile>>): Promise<StoredCheckpoint> => {
  const commit = await commitByHand(repository, { ref: `refs/test/${(refs += 1)}`, files });
  return readTree(await place.git("rev-parse", `${commit}^{tree}`));
};
const codes = ({ findings }: StoredCheckpoint) => findings.map(({ code, where }) => `${code} ${where}`);

const sound = {
  "metadata.json": `{"checkpoint_id":"${id}","sessions":[{"metadata":"/0/metadata.json"}]}`,
  "0/metadata.json": '{"session_id":"s"}',
  "0/full.jsonl": "{}",
  "0/content_hash.txt": hash,
};

describe("a checkpoint that anybody may have made", () => {
  test("one that is sound has no findings", async () => {
    expect(codes(await readFiles(sound))).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, HandMadeFile>>, string]>([
    ["a hash with a newline", { "0/content_hash.txt": `${hash}\n` }, "hash_invalid 0/content_hash.txt"],
    [
      "a hash of a megabyte",
      { "0/content_hash.txt": "x".repeat(1_000_000) },
      "entry_too_large 0/content_hash.txt",
    ],
    ["a missing piece", { "0/full.jsonl.002": "{}" }, "chunk_missing 0/full.jsonl"],
    [
      "a link in place of the transcript",
      { "0/full.jsonl": { mode: "120000", text: "/etc/passwd" } },
      "entry_unsafe 0/full.jsonl",
    ],
    [
      "a program in place of the metadata",
      { "0/metadata.json": { mode: "100755", text: "{}" } },
      "metadata_missing 0/metadata.json",
    ],
    ["a link in place of a slot", { "1": { mode: "120000", text: ".." } }, "entry_unsafe 1"],
    ["a file in place of the tasks", { tasks: "x" }, ""],
    [
      "another's id",
      { "metadata.json": sound["metadata.json"].replace(id, "000000000000") },
      "id_mismatch metadata.json",
    ],
    ["a root of another shape", { "metadata.json": "[]" }, "json_invalid metadata.json"],
    [
      "a root that is nested without end",
      { "metadata.json": `{"a":${"[".repeat(100_000)}` },
      "json_invalid metadata.json",
    ],
    [
      "a root that names another place",
      { "metadata.json": `{"sessions":[{"metadata":"/../../0/metadata.json"}]}` },
      "path_foreign metadata.json",
    ],
    [
      "a root that names a slot which is not there",
      { "metadata.json": `{"sessions":[{"metadata":"/7/metadata.json"}]}` },
      "session_absent 7",
    ],
    ["a root that does not name a slot", { "metadata.json": "{}" }, "session_unlisted 0"],
    [
      "a root that names a file which is not there",
      { "metadata.json": `{"sessions":[{"metadata":"/0/metadata.json","prompt":"/0/prompt.txt"}]}` },
      "path_missing 0",
    ],
    ["a name with an escape sequence", { '"0/\\033[2J"': "x" }, "entry_unsafe 0/\u{FFFD}[2J"],
    ["a slot without a session", { "0/metadata.json": "{}" }, "session_unnamed 0"],
  ])("%s is told, and the rest is read", async (_fault, files, expected) => {
    const stored = await readFiles({ ...sound, ...files });
    if (expected !== "") expect(codes(stored)).toContain(expected);
    expect(stored.sessions).toHaveLength(1);
    expect([stored.id, stored.sessions[0]?.slot]).toEqual([id, 0]);
  });

  test("null and odd types in place of lists and texts are read as nothing", async () => {
    const stored = await readFiles({
      ...sound,
      "metadata.json": '{"checkpoint_id":7,"sessions":null,"files_touched":null,"token_usage":[]}',
      "0/metadata.json": '{"session_id":["s"],"created_at":{}}',
    });
    expect(stored.sessions[0]).toMatchObject({ sessionId: undefined });
  });

  test.each([
    ["leads up", ".."],
    ["holds a slash", "a/b"],
    ["is empty", ""],
  ])("a folder with a name that %s is read without that entry", async (_fault, name) => {
    const blob = await storeBlob(repository, "{}");
    const entries = [name, "metadata.json"].map((one) => ({ mode: "100644", name: one, id: blob }));
    const stored = await readTree(await treeByHand(repository, entries));
    expect(codes(stored)).toEqual([`entry_unsafe ${name}`]);
  });

  test("two entries of one name are read as the first", async () => {
    const [one, two] = [
      await storeBlob(repository, '{"checkpoint_id":"1"}'),
      await storeBlob(repository, '{"checkpoint_id":"2"}'),
    ];
    const entries = [one, two].map((blob) => ({ mode: "100644", name: "metadata.json", id: blob }));
    const stored = await readTree(await treeByHand(repository, entries));
    expect([stored.root.text("checkpoint_id"), codes(stored)[0]]).toEqual([
      "1",
      "entry_unsafe metadata.json",
    ]);
  });

  test("objects that are not there are told", async () => {
    const gone = "1".repeat(40);
    const slot = await treeByHand(repository, [{ mode: "100644", name: "metadata.json", id: gone }]);
    const stored = await readTree(
      await treeByHand(repository, [
        { mode: "40000", name: "0", id: slot },
        { mode: "40000", name: "1", id: gone },
      ]),
    );
    expect(codes(stored)).toEqual(
      expect.arrayContaining(["object_missing 0/metadata.json", "object_missing 1"]),
    );
  });

  test("thousands of slots that all unpack to much are cut off in time", async () => {
    const bomb = await storeBlob(repository, `{"session_id":"s","a":[${"0,".repeat(900_000)}0]}`);
    const slot = await treeByHand(repository, [{ mode: "100644", name: "metadata.json", id: bomb }]);
    const entries = Array.from({ length: 3000 }, (_, index) => ({
      mode: "40000",
      name: String(index),
      id: slot,
    }));
    const tree = await treeByHand(repository, entries);
    const read: StoredCheckpoint[] = [];
    expect(await cpuMs(async () => read.push(await readTree(tree)))).toBeLessThan(20_000);
    const stored = read[0]!;
    expect(stored.sessions).toHaveLength(maxSessions);
    expect(stored.sessions.filter(({ sessionId }) => sessionId !== undefined).length).toBeLessThan(4);
    expect(codes(stored)).toContain("entries_too_many ");
    expect(stored.findings.length).toBeLessThanOrEqual(1000);
  });

  test("a folder of many entries, named again and again, is cut off", async () => {
    const blob = await storeBlob(repository, "{}");
    const wide = await treeByHand(
      repository,
      Array.from({ length: 40_000 }, (_, index) => ({
        mode: "100644",
        name: `f${String(index).padStart(8, "0")}`,
        id: blob,
      })),
    );
    const entries = Array.from({ length: 500 }, (_, index) => ({
      mode: "40000",
      name: String(index),
      id: wide,
    }));
    expect(codes(await readTree(await treeByHand(repository, entries)))).toContain("entry_too_large 3");
  });

  test("no bytes in place of the metadata make the reader fail", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.json().map((json) => Buffer.from(json)),
        ),
        async (bytes) => {
          const batch = repository.batch();
          const file = batch.blob(bytes);
          const entry = { mode: "100644" as const, name: "metadata.json", id: file };
          const tree = batch.tree([entry, { mode: "40000", name: "0", id: batch.tree([entry]) }]);
          await batch.flush();
          expect((await readTree(tree)).sessions).toHaveLength(1);
        },
      ),
      { numRuns: 60 },
    );
  });
});
