import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import fs, { mkdirSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import isomorphic from "isomorphic-git";
import { openRepository } from "../src/git/plumbing/open-repository.ts";
import type { Repository } from "../src/git/plumbing/repository.ts";
import { runTestGit, fsckClean, gitTestEnv } from "../test/git/repositories.ts";
import { interleave, ms, type Row } from "./measure.ts";
import { makeEntries } from "./payload.ts";

/** The objects and the ref of a checkpoint with 1 MB of new text: ours, git spawned per step, isomorphic-git, and what no writer can do without. */
export async function benchGitObjects(folder: string): Promise<Row[]> {
  const path = join(folder, "git-objects");
  await runTestGit(folder, ["init", "-q", "--bare", "--", path]);
  await using repository = await openRepository({ cwd: path, env: gitTestEnv });
  let number = 0;
  const times = await interleave(
    [
      { name: "ours", run: () => writeOurs(repository, textOf(number++)) },
      { name: "spawned", run: () => writeSpawned(path, textOf(number++)) },
      { name: "isomorphic", run: () => writeIsomorphic(path, textOf(number++)) },
      { name: "floor", run: () => writeFloor(path, textOf(number++)) },
    ],
    rounds,
  );
  await fsckClean(path);
  const ours = times.get("ours")!;
  const what = `a checkpoint's objects and ref, 1 MB of new text, p50 of ${rounds}`;
  const faster = (peer: string, name: string, bar: string): Row => ({
    what,
    ours: ms(ours),
    limit: `${name} ${ms(times.get(peer)!)}`,
    ratio: `${(times.get(peer)! / ours).toFixed(2)} × faster`,
    bar,
  });
  const floor = times.get("floor")!;
  return [
    faster("spawned", "git spawned per step", "5 ×"),
    faster("isomorphic", "isomorphic-git, which syncs nothing", "-"),
    {
      what,
      ours: ms(ours),
      limit: `sha1, deflate and durable write of the same bytes ${ms(floor)}`,
      ratio: `${(ours / floor).toFixed(2)} ×`,
      bar: "1.6 ×",
    },
  ];
}

const rounds = 40;

interface Text {
  readonly id: string;
  readonly transcript: Buffer;
  /** The small files of a slot, by name. */
  readonly files: readonly (readonly [name: string, content: Buffer])[];
  readonly root: Buffer;
}

const body = makeEntries({ count: 2000, seed: 1 })
  .map((entry) => JSON.stringify(entry))
  .join("\n");

/** Always another one: what is there already is not written again. */
function textOf(number: number): Text {
  const head = `{"type":"user","uuid":"${createHash("sha1").update(`${number}`).digest("hex")}"}\n`;
  const transcript = Buffer.from(head + body.slice(0, 1_000_000 - head.length));
  const hash = `sha256:${createHash("sha256").update(transcript).digest("hex")}`;
  return {
    id: createHash("sha1").update(`id ${number}`).digest("hex").slice(0, 12),
    transcript,
    files: [
      [
        "metadata.json",
        Buffer.from(JSON.stringify({ number, hash, files: body.slice(0, 800) }, undefined, 2)),
      ],
      ["prompt.txt", Buffer.from(`Please do number ${number}.`)],
      ["content_hash.txt", Buffer.from(hash)],
    ],
    root: Buffer.from(JSON.stringify({ number, root: true, files: body.slice(0, 500) }, undefined, 2)),
  };
}

async function writeOurs(repository: Repository, text: Text): Promise<void> {
  const batch = repository.batch();
  const entry = (name: string, content: Buffer) =>
    ({ mode: "100644", name, id: batch.blob(content) }) as const;
  const slot = batch.tree([
    entry("full.jsonl", text.transcript),
    ...text.files.map(([name, content]) => entry(name, content)),
  ]);
  const tree = batch.tree([entry("metadata.json", text.root), { mode: "40000", name: "0", id: slot }]);
  const who = await repository.identity();
  const message = `Checkpoint: ${text.id}\n`;
  const commit = batch.commit({ tree, parents: [], author: who, committer: who, message });
  await batch.flush();
  if ((await repository.refs.update({ name: refOf(text), from: null, to: commit })) !== "updated")
    throw new Error("The ref is there already.");
}

async function writeSpawned(path: string, text: Text): Promise<void> {
  const blob = (content: Buffer) => spawnGit(path, ["hash-object", "-w", "--stdin"], content);
  const line = async (name: string, content: Buffer) => `100644 blob ${await blob(content)}\t${name}\n`;
  const slotLines = [await line("full.jsonl", text.transcript)];
  for (const [name, content] of text.files) slotLines.push(await line(name, content));
  const slot = await spawnGit(path, ["mktree"], Buffer.from(slotLines.join("")));
  const rootLines = `${await line("metadata.json", text.root)}040000 tree ${slot}\t0\n`;
  const tree = await spawnGit(path, ["mktree"], Buffer.from(rootLines));
  const commit = await spawnGit(path, ["commit-tree", tree], Buffer.from(`Checkpoint: ${text.id}\n`));
  await spawnGit(path, ["update-ref", refOf(text), commit, "0".repeat(40)], Buffer.alloc(0));
}

async function writeIsomorphic(gitdir: string, text: Text): Promise<void> {
  const place = { fs, gitdir };
  const entry = async (path: string, blob: Buffer) =>
    ({ mode: "100644", path, type: "blob", oid: await isomorphic.writeBlob({ ...place, blob }) }) as const;
  const slotEntries = [await entry("full.jsonl", text.transcript)];
  for (const [name, content] of text.files) slotEntries.push(await entry(name, content));
  const oid = await isomorphic.writeTree({ ...place, tree: slotEntries });
  const slot = { mode: "040000", path: "0", type: "tree", oid } as const;
  const root = await entry("metadata.json", text.root);
  const tree = await isomorphic.writeTree({ ...place, tree: [root, slot] });
  const author = { name: "a", email: "a@b.example", timestamp: 1_770_000_000, timezoneOffset: 0 };
  const message = `Checkpoint: ${text.id}\n`;
  const commit = { tree, parent: [], author, committer: author, message };
  const value = await isomorphic.writeCommit({ ...place, commit });
  await isomorphic.writeRef({ ...place, ref: refOf(text), value });
}

/** One file with the bytes of all blobs: no trees, no commit, no ref, no names. */
async function writeFloor(folder: string, text: Text): Promise<void> {
  const bytes = Buffer.concat([text.transcript, ...text.files.map(([, content]) => content), text.root]);
  const id = createHash("sha1").update(bytes).digest("hex");
  mkdirSync(join(folder, "floor"), { recursive: true });
  const file = await open(join(folder, "floor", id), "wx");
  await file.writeFile(deflateSync(bytes, { level: 1 }));
  await file.datasync();
  await file.close();
}

function refOf({ id }: Text): string {
  return `refs/entire/checkpoints/${id.slice(-2)}/${id}`;
}

function spawnGit(cwd: string, args: readonly string[], input: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile("git", [...args], { cwd, env: gitTestEnv }, (error, stdout) => {
      if (error === null) resolve(stdout.trim());
      else reject(error);
    });
    // A command that reads nothing may have ended.
    child.stdin!.on("error", () => undefined);
    child.stdin!.end(input);
  });
}
