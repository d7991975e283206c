import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  checkpointInput,
  sessionInput,
  storeText,
  textOfBlobs,
} from "../../../../test/git/checkpoint-data.ts";
import { openedForEach } from "../../../../test/git/opened-repository.ts";
import { gitTestEnv, type TestRepository } from "../../../../test/git/repositories.ts";
import { v2ArchivePrefix, v2CurrentRef } from "../../format/checkpoint-refs.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { V2Layout } from "./layout.ts";
import { expiredArchives, removeArchives } from "./retention.ts";

const ids = ["a00000000001", "a00000000002", "b00000000003", "b00000000004", "c00000000005"];
const rotateAt = 3;
const archive = `${v2ArchivePrefix}0000000000001`;
let place: TestRepository;
let repository: Repository;
let store: V2Layout;

openedForEach((opened) => {
  ({ place, repository } = opened);
  store = new V2Layout(repository, { rotateAt });
});

const write = async (id: string, at = "2026-02-03T06:21:41Z") => {
  const session = await sessionInput(repository, `s-${id}`);
  return await store.write(
    checkpointInput(id, [{ ...session, metadata: { ...session.metadata, created_at: at } }]),
  );
};
const transcriptOf = async (id: string): Promise<string> =>
  await textOfBlobs(repository, (await store.read(id))!.sessions[0]!.transcript);
const folders = async (ref: string): Promise<readonly string[]> =>
  (await place.git("ls-tree", "-d", "-r", "--name-only", ref))
    .split("\n")
    .filter((path) => /^..\/.{10}$/.test(path))
    .map((path) => path.replace("/", ""));

test("a full current becomes an archive, which says of when it is, and all is read as before", async () => {
  const written = [];
  for (const [n, id] of ids.entries()) written.push(await write(id, `2026-02-0${n + 1}T00:00:00Z`));

  expect(written[2]!.refs).toContain(archive);
  expect(await folders(archive)).toEqual(ids.slice(0, 3));
  expect(await folders(v2CurrentRef)).toEqual(ids.slice(3));
  expect(JSON.parse(await place.git("show", `${archive}:generation.json`))).toEqual({
    oldest_checkpoint_at: "2026-02-01T00:00:00.000Z",
    newest_checkpoint_at: "2026-02-03T00:00:00.000Z",
  });
  expect(await place.git("log", "--format=%s", archive)).toMatch(/^Archive generation\nCheckpoint: /);
  expect(await place.git("log", "--format=%s", v2CurrentRef)).toMatch(/Start generation$/);
  for (const id of ids) expect(await transcriptOf(id)).toContain(id);
});

test("a transcript is rewritten where it lies, also in an archive", async () => {
  for (const id of ids) await write(id);
  const transcript = await storeText(repository, "{}\n{}\n");
  const session = await sessionInput(repository, `s-${ids[0]}`, { transcript });
  const { refs } = await store.update(
    checkpointInput(ids[0]!, [session], { subject: `Finalize transcript for Checkpoint: ${ids[0]}` }),
  );

  expect(refs).toContain(archive);
  expect(await transcriptOf(ids[0]!)).toBe("{}\n{}\n");
  expect(await folders(v2CurrentRef)).toEqual(ids.slice(3));
  expect(await place.git("log", "-1", "--format=%B", archive)).toBe(`Finalize checkpoint: ${ids[0]}\n`);
});

describe("killed in a rotation", () => {
  // Refs are changed in the order main, current, archive, current; objects are written before each of the first three.
  test.each([
    ["after the objects of main", "flush", 1],
    ["before main", "before", 1],
    ["after the objects of current", "flush", 2],
    ["between main and current", "after", 1],
    ["before its marker", "flush", 3],
    ["after its marker and before the archive is there", "before", 3],
    ["after the archive is there and before current begins anew", "after", 3],
    ["right after it", "after", 4],
  ])("%s, all stays in reach, and the next write mends it", async (_point, when, n) => {
    for (const id of ids.slice(0, 2)) await write(id);
    const script = fileURLToPath(new URL("../../../../test/git/v2-worker.ts", import.meta.url));
    const args = [place.path, ids[2]!, String(rotateAt), when, String(n)];
    const [, signal] = (await once(
      fork(script, args, { env: gitTestEnv, execArgv: ["--no-warnings"] }),
      "exit",
    )) as [unknown, string];
    expect(signal).toBe("SIGKILL");
    await place.fsckClean();
    for (const id of ids.slice(0, 2)) expect(await transcriptOf(id)).toContain(id);

    for (const id of ids.slice(2)) await write(id);

    for (const id of ids) expect(await transcriptOf(id)).toContain(id);
    const archived = await folders(archive);
    const current = await folders(v2CurrentRef);
    expect([...archived, ...current].toSorted()).toEqual(ids);
    expect(current.length).toBeLessThan(rotateAt);
  });

  test("what was written between the archive and the new beginning goes into the archive", async () => {
    for (const id of ids.slice(0, 3)) await write(id);
    const marker = join(repository.commonDir, "entire-v2-rotations", "pending.json");
    const { publications } = JSON.parse(readFileSync(marker, "utf8")) as {
      publications: { previous_full_current_hash: string }[];
    };
    await place.git("update-ref", v2CurrentRef, publications[0]!.previous_full_current_hash);
    await place
      .git("commit-tree", "-m", "x", `${v2CurrentRef}^{tree}`, "-p", v2CurrentRef)
      .then((commit) => place.git("update-ref", v2CurrentRef, commit));

    await write(ids[3]!);

    expect(await folders(archive)).toEqual(ids.slice(0, 3));
    expect(await folders(v2CurrentRef)).toEqual([ids[3]]);
    expect(existsSync(marker)).toBe(true);
  });
});

test("archives are let go whole when all of them is old, and the metadata stays", async () => {
  for (const [n, id] of ids.entries()) await write(id, `2026-02-0${n + 1}T00:00:00Z`);
  const at = (day: string): number => Date.parse(`2026-02-${day}T12:00:00Z`);
  expect(await expiredArchives(repository, { beforeMs: at("02") })).toEqual([]);
  const expired = await expiredArchives(repository, { beforeMs: at("03") });
  expect(expired.map(({ name }) => name)).toEqual([archive]);

  expect(await removeArchives(repository, expired)).toEqual([archive]);

  const left = (await store.read(ids[0]!))!;
  expect([left.sessions[0]!.transcript, left.sessions[0]!.sessionId]).toEqual([[], `s-${ids[0]}`]);
  expect(await transcriptOf(ids[4]!)).toContain(ids[4]);
});
