import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { objectIn, textOf } from "../../core/json.ts";
import { codeOf, moveInto, syncFolder, uniquePart, writeNewFile } from "../plumbing/durable-file.ts";
import { kindOfRef } from "../format/checkpoint-refs.ts";
import { namesIn, ownFolder } from "./own-folder.ts";

/**
 * Refs that wait to be pushed, one small file a call of `add`. A file appears whole and only ever goes whole, so
 * writers and several readers need no lock, and a process that is killed at any point leaves nothing half done: at
 * worst a ref is pushed twice. The CLI's own queue asks for a kernel lock that node cannot take (decision 0024).
 */
export class PushQueue {
  readonly #commonDir: string;

  constructor(commonDir: string) {
    this.#commonDir = commonDir;
  }

  /** Adds refs; durable when it resolves. */
  async add(refs: readonly string[]): Promise<void> {
    if (refs.length === 0) return;
    await this.#write(refs.map((ref) => JSON.stringify({ ref })));
  }

  /** What waits now; what is added later is not in it, and is not touched by it. */
  async drain(): Promise<QueueDrain> {
    const folder = join(this.#commonDir, "holdfast", "push-queue");
    const names = (await namesIn(folder)).filter((name) => fileName.test(name)).toSorted();
    const files: QueueFile[] = [];
    for (const name of names) {
      const lines = await linesOf(join(folder, name));
      if (lines !== undefined) files.push({ path: join(folder, name), lines });
    }
    return new QueueDrain(files, (lines) => this.#write(lines));
  }

  async #write(lines: readonly string[]): Promise<QueueFile> {
    const folder = await ownFolder(this.#commonDir, "push-queue");
    const name = `${String(Date.now()).padStart(13, "0")}-${nextCount()}-${uniquePart()}`;
    const path = join(folder, `${name}.jsonl`);
    await writeNewFile(join(folder, `.${name}.tmp`), [Buffer.from(`${lines.join("\n")}\n`)], 0o600);
    await moveInto(join(folder, `.${name}.tmp`), path);
    await syncFolder(folder);
    return { path, lines };
  }
}

interface QueueFile {
  readonly path: string;
  readonly lines: readonly string[];
}

/** The refs that waited at one moment. */
export class QueueDrain {
  /** Each once, in the order in which they were first added. */
  readonly refs: readonly string[];
  /** Lines that name no ref of checkpoints: skipped, and kept for whoever looks into it. */
  readonly badLines: number;
  #files: readonly QueueFile[];
  readonly #write: (lines: readonly string[]) => Promise<QueueFile>;

  constructor(files: readonly QueueFile[], write: (lines: readonly string[]) => Promise<QueueFile>) {
    const refs = files.flatMap(({ lines }) => lines.map(refIn));
    this.refs = [...new Set(refs.filter((ref) => ref !== undefined))];
    this.badLines = refs.filter((ref) => ref === undefined).length;
    this.#files = files;
    this.#write = write;
  }

  /** Removes refs that are known to have arrived, or to exist no more. */
  async remove(refs: Iterable<string>): Promise<void> {
    const gone = new Set(refs);
    const kept: QueueFile[] = [];
    const rest: string[] = [];
    for (const file of this.#files) {
      const left = file.lines.filter((line) => !gone.has(refIn(line) ?? ""));
      if (left.length === file.lines.length) kept.push(file);
      else rest.push(...left);
    }
    await this.#replace(kept, rest);
  }

  /** Puts refs behind all others, and all that waits into one file where there are many. */
  async postpone(refs: Iterable<string>): Promise<void> {
    const last = new Set(refs);
    const lines = this.#files.flatMap((file) => file.lines);
    if (last.size === 0 && this.#files.length < compactAbove) return;
    const once = [...new Set(lines)];
    const isLast = (line: string): boolean => last.has(refIn(line) ?? "");
    await this.#replace([], [...once.filter((line) => !isLast(line)), ...once.filter(isLast)]);
  }

  // The rest is there before its files go: killed in between, refs wait twice.
  async #replace(kept: readonly QueueFile[], rest: readonly string[]): Promise<void> {
    const going = this.#files.filter((file) => !kept.includes(file));
    if (going.length === 0) return;
    const written = rest.length > 0 ? [await this.#write(rest)] : [];
    for (const { path } of going) await rm(path, { force: true });
    this.#files = [...kept, ...written];
  }
}

/** The refs in lines of a queue, ours or the CLI's; other lines are skipped. */
export function refIn(line: string): string | undefined {
  const ref = textOf(objectIn(line)?.["ref"]);
  return ref !== undefined && kindOfRef(ref) !== undefined ? ref : undefined;
}

const fileName = /^\d{13}-\d{6}-[0-9a-f]{16}\.jsonl$/;
const compactAbove = 64;
const maxFileBytes = 64 * 1024 * 1024;

let count = 0;

function nextCount(): string {
  count = (count + 1) % 1_000_000;
  return String(count).padStart(6, "0");
}

async function linesOf(path: string): Promise<readonly string[] | undefined> {
  try {
    if ((await stat(path)).size > maxFileBytes) return undefined;
    return (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    // Another process has pushed it in the meantime.
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
