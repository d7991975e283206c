import { closeSync, openSync, renameSync, statSync } from "node:fs";
import { readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { codeOf, syncData, syncFolder, writeAll } from "./durable-file.ts";
import { PackedTable } from "./packed-refs.ts";
import { checkRefName } from "./ref-names.ts";
import type { Ref } from "./refs.ts";
import type { Repository } from "./repository.ts";
import { breakStaleLock, isHeld, staleAfterMs } from "./stale-lock.ts";

/**
 * Creates refs that are not there; gives those that were there meanwhile, which stay as they are. Many at once go into
 * `packed-refs` under git's lock of it: a file and two syncs each would take minutes.
 */
export async function createRefs(
  repository: Repository,
  refs: readonly Ref[],
  { reason }: { readonly reason: string },
): Promise<readonly string[]> {
  const many = refs.length >= packFrom && (await isPackable(repository));
  const packed = many ? await createPacked(repository, refs, reason) : undefined;
  if (packed !== undefined) return packed;
  const there: string[] = [];
  for (const { name, id } of refs)
    if ((await repository.refs.update({ name, from: null, to: id, reason })) === "moved") there.push(name);
  return there;
}

const packFrom = 100;
const header = "# pack-refs with: peeled fully-peeled sorted \n";

async function isPackable({ refFormat, git }: Repository): Promise<boolean> {
  if (refFormat !== "files") return false;
  const { stdout } = await git(["config", "--get", "core.logAllRefUpdates"], { codes: [0, 1] });
  return stdout.toString().trim().toLowerCase() !== "always";
}

/** Undefined where another process holds the lock, or the file is of an old form. */
async function createPacked(
  repository: Repository,
  refs: readonly Ref[],
  reason: string,
): Promise<readonly string[] | undefined> {
  const { commonDir, objectFormat } = repository;
  const path = join(commonDir, "packed-refs");
  const lock = openLock(`${path}.lock`);
  if (lock === undefined) return undefined;
  try {
    // By this it is known as ours where this process dies.
    writeAll(lock, Buffer.from(header));
    const before = await readFile(path).catch(noFile);
    if (before.length > 0 && !/^# .* fully-peeled sorted/.test(before.toString("latin1", 0, 200)))
      return undefined;
    const table = new PackedTable(before, objectFormat);
    const isThere = ({ name }: Ref): boolean =>
      table.find(name) !== null || isLoose(commonDir, checkRefName(name));
    const there = new Set(refs.filter(isThere).map(({ name }) => name));
    const added = refs.filter(({ name }) => !there.has(name));
    if (added.some(({ name }) => isBlocked(commonDir, table, name))) return undefined;
    writeAll(lock, merged(before, added));
    await syncData(lock);
    if (!isHeld(`${path}.lock`, lock)) return undefined;
    renameSync(`${path}.lock`, path);
    await syncFolder(commonDir);
    for (const ref of added) if (await isTaken(repository, ref, reason)) there.add(ref.name);
    return [...there];
  } finally {
    const isOurs = isHeld(`${path}.lock`, lock);
    closeSync(lock);
    if (isOurs) await unlink(`${path}.lock`);
  }
}

// Who had locked the ref and looked at it before it was there puts his value over it: he is waited for.
async function isTaken({ commonDir, refs }: Repository, { name, id }: Ref, reason: string): Promise<boolean> {
  // In this order, as a lock becomes the ref.
  if (!isLoose(commonDir, `${name}.lock`) && !isLoose(commonDir, name)) return false;
  return (await refs.update({ name, from: id, to: id, reason })) === "moved";
}

function openLock(path: string): number | undefined {
  try {
    return openSync(path, "wx", 0o666);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    // git leaves its own empty, as it writes beside it: one that holds something is ours.
    const isOurs = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
    return isOurs && breakStaleLock(path, staleAfterMs) ? openLock(path) : undefined;
  }
}

function noFile(error: unknown): Buffer {
  if (codeOf(error) === "ENOENT") return Buffer.alloc(0);
  throw error;
}

function isLoose(commonDir: string, name: string): boolean {
  return statSync(join(commonDir, name), { throwIfNoEntry: false })?.isFile() === true;
}

// A ref that is another's folder, or lies in one's: told one by one, where git's own words say which.
function isBlocked(commonDir: string, table: PackedTable, name: string): boolean {
  const parts = name.split("/");
  const parents = parts.slice(2, -1).map((_, index) => parts.slice(0, index + 3).join("/"));
  return (
    table.hasAny(`${name}/`) ||
    parents.some((parent) => isLoose(commonDir, parent) || table.find(parent) !== null)
  );
}

/** The lines of both without the header, by the bytes of their names; a peeled line stays behind its ref. */
function merged(before: Buffer, added: readonly Ref[]): Buffer {
  const lines: { readonly name: string; text: string }[] = [];
  for (const line of before.toString("latin1").split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const last = lines.at(-1);
    if (line.startsWith("^") && last !== undefined) last.text += `${line}\n`;
    else lines.push({ name: line.slice(line.indexOf(" ") + 1), text: `${line}\n` });
  }
  for (const { name, id } of added) {
    const latin = Buffer.from(name).toString("latin1");
    lines.push({ name: latin, text: `${id} ${latin}\n` });
  }
  // Latin-1 keeps the order of the bytes.
  lines.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  return Buffer.from(lines.map(({ text }) => text).join(""), "latin1");
}
