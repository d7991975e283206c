import {
  copyFileSync,
  existsSync,
  globSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  type Stats,
  utimesSync,
} from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import type { TurnStore } from "../../../core/agent.ts";
import type { KeptFile, SideFile } from "../../../core/side-files.ts";
import { startOf } from "./process-table.ts";
import { placeOf, type SessionOnDisk } from "./side-file-places.ts";

/** A session's files on this machine's disk, on their way into a config folder that is not there yet. */
export class FetchedFiles implements Disposable {
  readonly #folder: string;
  readonly #files: readonly FetchedFile[];

  /** Fetches the blobs one after another, so that no more than one is in memory. */
  static async fetch({ store, files }: FetchParams): Promise<FetchedFiles> {
    removeStale();
    const folder = await mkdtemp(join(tmpdir(), `holdfast-files-${process.pid}-`));
    const fetched: FetchedFile[] = [];
    try {
      for (const file of files) {
        if ("reason" in file) continue;
        const bytes = await store.getBlob({ blob: file.blob });
        const from = join(folder, String(fetched.length));
        if (bytes !== null) await writeFile(from, bytes, { mode: 0o600 });
        fetched.push({ file, from: bytes === null ? undefined : from });
      }
      return new FetchedFiles(folder, fetched);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(folder: string, files: readonly FetchedFile[]) {
    this.#folder = folder;
    this.#files = files;
  }

  /** Moves them to where the agent looks for them; what is there and not older stays. Synchronous: the spawn waits. */
  place(session: SessionOnDisk): PlacedFile[] {
    return this.#files.map(({ file, from }) => {
      const to = placeOf(file.path, session);
      if (from === undefined) return { file, reason: "Its bytes are not in the store any more." };
      if (to === undefined) return { file, reason: "The agent has no place for it." };
      try {
        return { file, to, state: put({ file, from, to, root: session.folder }) };
      } catch (error) {
        return { file, reason: `It could not be written (${codeOf(error)}).` };
      }
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface FetchParams {
  readonly store: Pick<TurnStore, "getBlob">;
  readonly files: readonly SideFile[];
}

/** A file where it was put, or why it was not. */
export type PlacedFile = { readonly file: KeptFile } & (
  | { readonly to: string; readonly state: Stats | undefined }
  | { readonly reason: string }
);

interface FetchedFile {
  readonly file: KeptFile;
  readonly from: string | undefined;
}

interface PutParams {
  readonly file: KeptFile;
  readonly from: string;
  readonly to: string;
  readonly root: string;
}

/** What was put; undefined where what is there stays. */
function put({ file, from, to, root }: PutParams): Stats | undefined {
  makeFolders(root, dirname(to));
  const there = lstatSync(to, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) throw new Error("something else has its name");
  if (there !== undefined && Math.floor(there.mtimeMs) >= file.modifiedAtMs) return undefined;
  utimesSync(from, file.modifiedAtMs / 1000, file.modifiedAtMs / 1000);
  move(from, to, file);
  return lstatSync(to);
}

function move(from: string, to: string, { modifiedAtMs }: KeptFile): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (codeOf(error) !== "EXDEV") throw error;
    copyFileSync(from, to);
    utimesSync(to, modifiedAtMs / 1000, modifiedAtMs / 1000);
  }
}

// One after another: a link on the way would lead out of the config folder.
function makeFolders(root: string, folder: string): void {
  const names = relative(root, folder).split(sep);
  // What names the session is from the store too.
  if (names[0] === "..") throw new Error("it would lie outside of the folder");
  let path = root;
  for (const name of names) {
    path = join(path, name);
    if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    if (!lstatSync(path).isDirectory()) throw new Error("a link is on the way to it");
  }
}

// A host that was killed between the fetch and the spawn has left them.
function removeStale(): void {
  for (const name of globSync("holdfast-files-*", { cwd: tmpdir() })) {
    const path = join(tmpdir(), name);
    const pid = Number(name.split("-")[2]);
    try {
      // Its host may be in a container of its own, where its pid says nothing here.
      const isOld = lstatSync(path).mtimeMs < Date.now() - longestFetchMs;
      if (isOld && startOf(pid) === undefined) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another user's, or gone.
    }
  }
}

const longestFetchMs = 3_600_000;

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error ? String(error.code) : error.message;
}
