import type { SessionKey } from "../../../core/ids.ts";
import { fileLog, filesIn, type SideFile } from "../../../core/side-files.ts";
import type { TurnStore } from "../../../core/agent.ts";

/** What a session's log of files says, and what the run under way adds to it. */
export class KnownFiles {
  readonly #session: SessionKey;
  #committed = new Said();
  #staged = new Said();
  #run: string | undefined;
  #id: string | undefined;
  #seq = 0;

  constructor(session: SessionKey) {
    this.#session = session;
  }

  /** Each file as the newest entry has it. */
  get files(): readonly SideFile[] {
    return [...new Map([...this.#committed.newest, ...this.#staged.newest]).values()];
  }

  /** All folders in which a transcript may name a file, with where the files of that folder are in the session. */
  get folders(): ReadonlyMap<string, string> {
    return new Map([...this.#committed.folders, ...this.#staged.folders]);
  }

  newest(path: string): SideFile | undefined {
    return this.#staged.newest.get(path) ?? this.#committed.newest.get(path);
  }

  /**
   * Reads what was committed since. What another run than this one gave counts only if it was: it may have been put aside.
   * Gives what is not known any more.
   */
  async learn(store: Pick<TurnStore, "read">, run = this.#run): Promise<readonly SideFile[]> {
    const staged = run === this.#run ? [] : [...this.#staged.newest.values()];
    if (run !== this.#run) this.#staged = new Said();
    this.#run = run;
    const log = { ...this.#session, log: fileLog };
    let page = await store.read({ log, after: this.#seq });
    if (this.#seq > 0 && page.id !== this.#id) {
      [this.#committed, this.#seq] = [new Said(), 0];
      page = await store.read({ log });
    }
    this.#id = page.id;
    this.#seq = page.entries.at(-1)?.seq ?? this.#seq;
    for (const file of filesIn(page.entries.map(({ body }) => body))) this.#committed.take(file);
    return staged.filter((file) => blobOf(file) !== blobOf(this.#committed.newest.get(file.path)));
  }

  /** Takes note of what is given to the run under way. */
  stage(file: SideFile): void {
    this.#staged.take(file);
  }
}

/** The folder of a path, with the separator behind it, on the system that the path is from. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

function blobOf(file: SideFile | undefined): string | undefined {
  return file !== undefined && "blob" in file ? file.blob : undefined;
}

class Said {
  readonly newest = new Map<string, SideFile>();
  readonly folders = new Map<string, string>();

  take(file: SideFile): void {
    this.newest.set(file.path, file);
    this.folders.set(folderOf(file.was), folderOf(file.path));
  }
}
