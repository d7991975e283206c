import type { Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import type { AgentStep, Turn, TurnStore } from "../../../core/agent.ts";
import type { SessionKey } from "../../../core/ids.ts";
import { isSafePath, type SideFile } from "../../../core/side-files.ts";
import { FetchedFiles, type PlacedFile } from "./fetched-files.ts";
import { folderOf, KnownFiles } from "./known-files.ts";
import { type MovedFolder, renameFolders } from "./moved-folders.ts";
import { gone, notRegular, readSideFile } from "./read-side-file.ts";
import { filesBeside, type FoundFile, placeOf, type SessionOnDisk } from "./side-file-places.ts";

/** How much is kept: the whole output of a tool has some megabytes. */
export interface SideFileLimits {
  /** Of one file; default 32,000,000. */
  readonly fileBytes?: number;
  /** Read in one turn; default 256,000,000. What is left over comes with the next. */
  readonly turnBytes?: number;
}

/** The files beside a session's transcript: kept after each turn, and put back before a process resumes the session. */
export class SideFiles implements Disposable {
  readonly #known: KnownFiles;
  readonly #limits: Required<SideFileLimits>;
  /** What a file was like when it was read, by where it is: one that is the same is not read again. */
  readonly #read = new Map<string, string>();
  /** What is to be said with the next turn. */
  #unsaid: string[] = [];
  #fetched: FetchedFiles | undefined;

  constructor(session: SessionKey, { fileBytes = 32_000_000, turnBytes = 256_000_000 }: SideFileLimits = {}) {
    this.#known = new KnownFiles(session);
    this.#limits = { fileBytes, turnBytes };
  }

  /** Brings the session's files to this machine; to be done before its process is asked for. */
  async fetch(store: Pick<TurnStore, "read" | "getBlob">): Promise<void> {
    this[Symbol.dispose]();
    await this.#known.learn(store);
    const { files } = this.#known;
    if (files.length > 0) this.#fetched = await FetchedFiles.fetch({ store, files });
  }

  /**
   * Puts what was fetched into the config folder of a process that is about to start, under the names it will be told.
   * What fails is said with the next turn, and keeps no process from starting.
   */
  materialise(session: SessionOnDisk): void {
    try {
      for (const one of this.#fetched?.place(session) ?? []) this.#note(one);
      const moved = [...this.#known.folders].map(([from, folder]): MovedFolder => {
        return { from, to: folderOf(placeOf(`${folder}x`, session) ?? from) };
      });
      renameFolders(session, moved);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#unsaid.push(`The session's files may not be where the agent looks for them. ${why}`);
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Gives what is new or has changed beside the session since the last time, and says what cannot be kept. */
  async *keep({ turn, ...session }: KeepParams): AsyncGenerator<AgentStep> {
    for (const { was } of await this.#known.learn(turn.store, turn.run)) this.#read.delete(was);
    yield* this.#unsaidSteps();
    let left = this.#limits.turnBytes;
    for await (const found of filesBeside(session, (...fault) => this.#fail(...fault))) {
      const file = await this.#take(found, { turn, left });
      if (file === undefined) continue;
      if ("reason" in file) yield noticeOf(`The file ${found.at} is not kept. ${file.reason}`);
      else left -= file.bytes;
      if (!isSafePath(file.path)) continue;
      this.#known.stage(file);
      yield { kind: "file", file };
    }
    yield* this.#unsaidSteps();
  }

  /** Gives up what was fetched and is in no folder. */
  [Symbol.dispose](): void {
    this.#fetched?.[Symbol.dispose]();
    this.#fetched = undefined;
  }

  #unsaidSteps(): AgentStep[] {
    return this.#unsaid.splice(0).map(noticeOf);
  }

  // Of most sessions nothing is there: it is said once.
  #fail(path: string, error: unknown): void {
    if (this.#read.has(path)) return;
    this.#read.set(path, "");
    const why = error instanceof Error ? error.message : String(error);
    this.#unsaid.push(`What the session may have in ${path} is not kept. ${why}`);
  }

  #note(placed: PlacedFile): void {
    if ("reason" in placed)
      this.#unsaid.push(`The file ${placed.file.path} was not put back. ${placed.reason}`);
    else if (placed.state !== undefined) this.#read.set(placed.to, printOf(placed.state));
  }

  /** What is to be said of a file; undefined where that was said before. */
  async #take({ path, at, isRegular }: FoundFile, { turn, left }: TakeParams): Promise<SideFile | undefined> {
    const newest = this.#known.newest(path);
    const isNamed = this.#known.folders.has(folderOf(at));
    // Its folder may be a new one, which the agent's words may name from now on.
    const same = (file: SideFile): SideFile | undefined => (isNamed ? undefined : { ...file, was: at });
    const lost = (reason: string): SideFile | undefined => {
      // The SDK removes the folder of a process that has ended, at any moment: what was kept of it is not given up.
      if (reason === gone && newest !== undefined && "blob" in newest) return same(newest);
      const isSaid = isNamed && newest !== undefined && "reason" in newest && newest.reason === reason;
      return isSaid ? undefined : { path, was: at, reason };
    };
    if (!isSafePath(path)) return this.#once(at, { path, was: at, reason: "Its name could lead elsewhere." });
    const state = isRegular ? await lstat(at).catch(() => undefined) : undefined;
    if (state === undefined) return lost(isRegular ? gone : notRegular);
    const isUnread = this.#read.get(at) !== printOf(state) || newest === undefined;
    if (!isUnread) return same(newest);
    if (state.size > left && state.size <= this.#limits.fileBytes) return lost(tooMuch);
    const read = await readSideFile(at, this.#limits.fileBytes);
    if ("reason" in read) return lost(read.reason);
    const { bytes, modifiedAtMs, wasStill } = read;
    const { blob } = await turn.store.putBlob({ session: turn.session, bytes });
    if (wasStill) this.#read.set(at, printOf(state));
    const isSame = newest !== undefined && "blob" in newest && newest.blob === blob;
    return isSame && isNamed ? undefined : { path, was: at, blob, bytes: bytes.length, modifiedAtMs };
  }

  #once(at: string, file: SideFile): SideFile | undefined {
    const isSaid = this.#read.has(at);
    this.#read.set(at, "");
    return isSaid ? undefined : file;
  }
}

export interface KeepParams extends SessionOnDisk {
  readonly turn: Pick<Turn, "session" | "run"> & { readonly store: Pick<TurnStore, "read" | "putBlob"> };
}

interface TakeParams extends Pick<KeepParams, "turn"> {
  /** Bytes that may still be read in this turn. */
  readonly left: number;
}

const tooMuch = "More than is kept in one turn was written: it is tried again with the next.";

function printOf({ size, mtimeMs, ctimeMs }: Stats): string {
  return `${size} ${mtimeMs} ${ctimeMs}`;
}

function noticeOf(text: string): AgentStep {
  return { kind: "event", event: { type: "notice", text } };
}
