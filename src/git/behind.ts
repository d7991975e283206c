import { readFile, rename, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fieldsOf, objectIn, textOf } from "../core/json.ts";
import type { Layout } from "./checkpoint-store.ts";
import { shapeOfId } from "./format/ids.ts";
import { uniquePart } from "./plumbing/durable-file.ts";
import { namesIn, ownFolder } from "./push/own-folder.ts";

/** What a mirror has to be brought to. */
export interface MirrorWork {
  readonly layout: Layout;
  readonly id: string;
  readonly what: "write" | "remove";
}

/** A checkpoint that a mirror does not hold as the primary does. */
export interface Behind extends MirrorWork {
  /** How often it was tried. */
  readonly attempts: number;
  /** The last failure; undefined where a process died before it could say. */
  readonly reason: string | undefined;
  readonly sinceMs: number;
}

/** A note of one attempt; whoever made it takes it away, or says why it failed. */
export interface Note {
  done(): Promise<void>;
  failed(reason: string): Promise<void>;
}

/**
 * What mirrors are to be brought to, in one file an attempt under `<common dir>/holdfast/behind/`: it is there before
 * the primary is written, so that a crash at any moment leaves it, and nobody needs a lock to add or remove his own.
 */
export class BehindNotes {
  readonly #commonDir: string;

  constructor(commonDir: string) {
    this.#commonDir = commonDir;
  }

  async begin(work: MirrorWork): Promise<Note> {
    const folder = await this.#folder();
    const path = join(folder, `${work.layout}.${work.id}.${work.what}.${uniquePart()}.json`);
    await writeFile(path, running(), { mode: 0o600, flag: "wx" });
    return {
      done: () => remove(path),
      failed: (reason) => this.#fail({ path, work, reason }),
    };
  }

  /** All that is behind, each once; what a living process works on right now is not. */
  async list(): Promise<readonly Behind[]> {
    const byWork = Map.groupBy(await this.#read(), ({ work }) => `${work.layout} ${work.id} ${work.what}`);
    return [...byWork.values()].flatMap((notes) => {
      const waiting = notes.filter((note) => !note.isRunning);
      const [first] = waiting;
      if (first === undefined) return [];
      const attempts = waiting.reduce((sum, note) => sum + note.attempts, 0);
      const sinceMs = Math.min(...waiting.map((note) => note.atMs));
      const reason = waiting.findLast((note) => note.reason !== undefined)?.reason;
      return [{ ...first.work, attempts, sinceMs, reason }];
    });
  }

  /**
   * Does the work of all that is behind in a mirror for one checkpoint: the notes that were there before go when it
   * succeeds, those that came meanwhile stay.
   */
  async settle(work: MirrorWork, act: () => Promise<void>): Promise<string | undefined> {
    const isSame = (note: StoredNote): boolean =>
      note.work.layout === work.layout && note.work.id === work.id;
    const before = (await this.#read()).filter((note) => isSame(note) && !note.isRunning);
    try {
      await act();
    } catch (error) {
      const reason = reasonOf(error);
      const note = await this.begin(work);
      await note.failed(reason);
      return reason;
    }
    await Promise.all(before.map(({ path }) => remove(path)));
    return undefined;
  }

  async #fail({ path, work, reason }: { path: string; work: MirrorWork; reason: string }): Promise<void> {
    const older = (await this.#read()).filter(
      (note) => note.path !== path && !note.isRunning && workName(note.work) === workName(work),
    );
    const attempts = older.reduce((sum, note) => sum + note.attempts, 1);
    const atMs = Math.min(Date.now(), ...older.map((note) => note.atMs));
    const temporary = `${path}.new`;
    await writeFile(temporary, JSON.stringify({ attempts, atMs, reason: reason.slice(0, maxReason) }), {
      mode: 0o600,
    });
    await rename(temporary, path);
    // Ours is newer than all of them, and counts them.
    await Promise.all(older.map((note) => remove(note.path)));
  }

  async #read(): Promise<StoredNote[]> {
    const folder = join(this.#commonDir, "holdfast", "behind");
    const names = (await namesIn(folder)).toSorted();
    const notes = await Promise.all(names.map((name) => readNote(folder, name)));
    return notes.filter((note) => note !== undefined);
  }

  #folder(): Promise<string> {
    return ownFolder(this.#commonDir, "behind");
  }
}

/** Why something failed, in one sentence. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface StoredNote {
  readonly path: string;
  readonly work: MirrorWork;
  readonly attempts: number;
  readonly atMs: number;
  readonly reason: string | undefined;
  readonly isRunning: boolean;
}

const maxReason = 2000;
// A process id may be another's by then.
const maxRunningMs = 10 * 60_000;

async function readNote(folder: string, name: string): Promise<StoredNote | undefined> {
  const [layout = "", id = "", what, , ...rest] = name.split(".");
  if (!isLayout(layout) || shapeOfId(id) === undefined || rest.join(".") !== "json") return undefined;
  const path = join(folder, name);
  const text = await readFile(path, "utf8").catch(() => undefined);
  // Another process has just taken it away.
  if (text === undefined) return undefined;
  const fields = fieldsOf(objectIn(text)) ?? {};
  const atMs = typeof fields["atMs"] === "number" ? fields["atMs"] : 0;
  return {
    path,
    work: { layout, id, what: what === "remove" ? "remove" : "write" },
    attempts: typeof fields["attempts"] === "number" ? fields["attempts"] : 1,
    atMs,
    reason: textOf(fields["reason"]),
    isRunning: Date.now() - atMs < maxRunningMs && isAlive(fields["pid"]),
  };
}

function running(): string {
  return JSON.stringify({ pid: process.pid, atMs: Date.now() });
}

function isAlive(pid: unknown): boolean {
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function isLayout(text: string): text is Layout {
  return text === "git-refs" || text === "git-branch" || text === "v2";
}

function workName({ layout, id, what }: MirrorWork): string {
  return `${layout}.${id}.${what}`;
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
}
