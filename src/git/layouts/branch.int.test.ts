import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkpointInput, sessionInput } from "../../../test/git/checkpoint-data.ts";
import { checkpointSuite } from "../../../test/git/checkpoint-suite.ts";
import { commitByHand, filesByHand } from "../../../test/git/hand-made.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import type { TestRepository } from "../../../test/git/repositories.ts";
import type { Repository } from "../plumbing/repository.ts";
import { branchRef } from "../format/checkpoint-refs.ts";
import { BranchLayout } from "./branch.ts";

checkpointSuite(layoutsUnderTest["git-branch"]!);

const id = "a3b2c4d5e6f7";
const neighbour = "a30000000000";
const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
let place: TestRepository;
let repository: Repository;
let store: BranchLayout;

const byHand: Readonly<Record<string, string>> = {
  "a3/0000000000/metadata.json": `{"checkpoint_id":"${neighbour}","sessions":[{"metadata":"/a3/0000000000/0/metadata.json"}]}`,
  "a3/0000000000/0/metadata.json": '{"session_id":"s0"}',
  "a3/0000000000/0/full.jsonl": "{}",
  "README.md": "Do not delete",
  "zz/0000000000/metadata.json": "{}",
  "a3/short/metadata.json": "{}",
};

describe("one branch of all checkpoints", () => {
  openedForEach(
    (opened) => {
      ({ place, repository } = opened);
      store = new BranchLayout(repository);
    },
    { areDamaged: true },
  );

  test("it begins with an empty tree, and is an orphan", async () => {
    const { commit, refs } = await store.write(checkpointInput(id, [await sessionInput(repository, "s1")]));
    expect(refs).toEqual(["refs/heads/entire/checkpoints/v1"]);
    const log = await place.git("log", "--format=%s|%T|%P", branchRef);
    const [first, start] = log.split("\n");
    expect(first).toMatch(new RegExp(`^Checkpoint: ${id}\\|`));
    expect(start).toBe("Initialize metadata branch|4b825dc642cb6eb9a060e54bf8d69288fbee4904|");
    expect(await repository.refs.read(branchRef)).toBe(commit);
    await place.fsckClean();
  });

  test("paths are sharded by the first two characters, in the tree and in the root's list", async () => {
    await store.write(checkpointInput(id, [await sessionInput(repository, "s1")]));
    const files = await filesByHand(repository, branchRef);
    expect(Object.keys(files)).toEqual(
      ["0/content_hash.txt", "0/full.jsonl", "0/metadata.json", "0/prompt.txt", "metadata.json"].map(
        (name) => `a3/b2c4d5e6f7/${name}`,
      ),
    );
    expect(JSON.parse(files["a3/b2c4d5e6f7/metadata.json"] ?? "")).toMatchObject({
      sessions: [
        {
          metadata: "/a3/b2c4d5e6f7/0/metadata.json",
          transcript: "/a3/b2c4d5e6f7/0/full.jsonl",
          content_hash: "/a3/b2c4d5e6f7/0/content_hash.txt",
          prompt: "/a3/b2c4d5e6f7/0/prompt.txt",
        },
      ],
    });
  });

  test("what others put there stays byte for byte, and is no checkpoint", async () => {
    const before = await commitByHand(repository, { ref: branchRef, files: byHand });
    const { commit } = await store.write(checkpointInput(id, [await sessionInput(repository, "s1")]));
    expect(await filesByHand(repository, branchRef)).toMatchObject(byHand);
    expect(await place.git("log", "-1", "--format=%P", commit)).toBe(before);
    expect((await store.list()).map((listed) => listed.id)).toEqual([neighbour, id]);
    expect(await store.remove(id)).toEqual({ removed: true });
    expect(await filesByHand(repository, branchRef)).toEqual(byHand);
    expect(await place.git("log", "-1", "--format=%B", branchRef)).toBe(`Cleanup: ${id}\n`);
    await place.fsckClean();
  });

  test("a write reads nothing of the other checkpoints", async () => {
    await commitByHand(repository, { ref: branchRef, files: byHand });
    const tree = await place.git("rev-parse", `${branchRef}:a3/0000000000`);
    rmSync(join(repository.commonDir, "objects", tree.slice(0, 2), tree.slice(2)));
    await expect(repository.objects.header(tree)).resolves.toBeNull();
    expect(await store.write(checkpointInput(id, [await sessionInput(repository, "s1")]))).toMatchObject({
      changed: true,
    });
    expect((await store.read(neighbour))?.findings.map(({ code }) => code)).toContain("object_missing");
    expect(await place.git("rev-parse", `${branchRef}:a3/0000000000`)).toBe(tree);
  });

  test("a branch that only the remote has is gone on from", async () => {
    const remote = "refs/remotes/origin/entire/checkpoints/v1";
    const before = await commitByHand(repository, { ref: remote, files: byHand });
    expect((await store.list()).map((listed) => listed.id)).toEqual([neighbour]);
    expect((await store.read(neighbour))?.sessions[0]?.sessionId).toBe("s0");
    const { commit } = await store.write(checkpointInput(id, [await sessionInput(repository, "s1")]));
    expect(await place.git("log", "-1", "--format=%P", commit)).toBe(before);
    expect(await repository.refs.read(branchRef)).toBe(commit);
    await place.fsckClean();
  });

  test("a ULID is refused unless it is asked for", async () => {
    const input = { ...checkpointInput(id, [await sessionInput(repository, "s1")]), id: ulid };
    await expect(store.write(input)).rejects.toMatchObject({ code: "checkpoint_invalid" });
    expect(await repository.refs.read(branchRef)).toBeNull();
    const forced = new BranchLayout(repository, { allowUlids: true });
    await forced.write(input);
    expect((await forced.read(ulid))?.findings).toEqual([]);
    expect((await store.list()).map((listed) => listed.id)).toEqual([ulid]);
    await place.fsckClean();
  });

  test("many checkpoints share the branch, whoever writes them at once", async () => {
    const ids = Array.from(
      { length: 12 },
      (_, index) => `${index % 3}${"0".repeat(9)}${String(index).padStart(2, "0")}`,
    );
    const stores = [store, new BranchLayout(repository)];
    await Promise.all(
      ids.map(async (each, index) =>
        stores[index % 2]!.write(checkpointInput(each, [await sessionInput(repository, "s1")])),
      ),
    );
    expect((await store.list()).map((listed) => listed.id)).toEqual(ids.toSorted());
    await place.fsckClean();
  });
});
