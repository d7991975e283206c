import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import { flowPaths, type FlowPaths } from "./flow-paths.ts";
import { kernelLock } from "./kernel-lock.ts";
import { linkableWith } from "./linkable.ts";
import { readOwnFile, replaceOwnFile } from "./own-files.ts";
import { isSessionId, isStale, readSessionText, type SessionState, sessionText } from "./session-state.ts";

/** The sessions that Holdfast knows in one repository, one file each; every process may change one at any time. */
export class SessionFiles {
  readonly #paths: FlowPaths;
  readonly #now: () => number;

  constructor({ commonDir, now = Date.now }: { readonly commonDir: string; readonly now?: () => number }) {
    this.#paths = flowPaths(commonDir);
    this.#now = now;
  }

  /** One session; undefined where there is none, or nothing that can be read. @throws invalid_key */
  read(sessionId: string): SessionState | undefined {
    const text = readOwnFile(this.#pathOf(sessionId), { maxBytes });
    return Buffer.isBuffer(text) ? readSessionText(text.toString("utf8"), sessionId) : undefined;
  }

  /** All that can be read, and the names of those that cannot. */
  list(): { readonly sessions: readonly SessionState[]; readonly unread: readonly string[] } {
    const sessions: SessionState[] = [];
    const unread: string[] = [];
    for (const name of namesIn(this.#paths.sessions)) {
      const sessionId = name.slice(0, -extension.length);
      const state = isSessionId(sessionId) ? this.read(sessionId) : undefined;
      if (state === undefined) unread.push(name);
      else sessions.push(state);
    }
    return { sessions, unread };
  }

  /**
   * Changes one session as nobody else does at that moment, and with it what the git hooks read. `change` gets undefined
   * where there is none, and gives undefined to have none. @throws git_busy when others hold the lock for 2 s
   */
  change(
    sessionId: string,
    change: (state: SessionState | undefined) => SessionState | undefined,
  ): SessionState | undefined {
    const path = this.#pathOf(sessionId);
    using _lock = this.#lock();
    const before = this.read(sessionId);
    const after = change(before);
    if (after === before) return after;
    // First what the hooks read: a session whose file is not there yet links nothing wrong, the other way it would be missed.
    this.#rewriteLinkable(after ?? { dropped: sessionId });
    if (after === undefined) rmSync(path, { force: true });
    else replaceOwnFile(path, sessionText(after));
    return after;
  }

  /** Forgets sessions of which nobody heard for 7 days; gives their ids. */
  dropStale(): readonly string[] {
    const stale = this.list().sessions.filter((state) => isStale(state, this.#now()));
    return stale
      .filter(({ sessionId }) => {
        const left = this.change(sessionId, (state) =>
          state === undefined || isStale(state, this.#now()) ? undefined : state,
        );
        return left === undefined;
      })
      .map(({ sessionId }) => sessionId);
  }

  /** Writes anew what the git hooks read, from the sessions themselves. */
  rebuildLinkable(): void {
    using _lock = this.#lock();
    const text = this.list().sessions.reduce((before, state) => linkableWith(before, state, this.#now()), "");
    replaceOwnFile(this.#paths.linkable, text);
  }

  #rewriteLinkable(state: SessionState | { readonly dropped: string }): void {
    const read = readOwnFile(this.#paths.linkable, { maxBytes: maxLinkableBytes });
    const before = Buffer.isBuffer(read) ? read.toString("utf8") : "";
    const after = linkableWith(before, state, this.#now());
    if (after !== before || read === "missing") replaceOwnFile(this.#paths.linkable, after);
  }

  #lock(): Disposable {
    const lock = kernelLock(this.#paths.stateLock, { waitMs: 2_000 });
    if (lock !== null) return lock;
    throw new HoldfastError({
      code: "git_busy",
      message: `Another process changes the sessions in ${this.#paths.root} for more than 2 s.`,
      next: "Try again.",
      retryable: true,
    });
  }

  #pathOf(sessionId: string): string {
    if (isSessionId(sessionId)) return join(this.#paths.sessions, `${sessionId}${extension}`);
    throw new HoldfastError({
      code: "invalid_key",
      message: "The session id cannot be the name of a file.",
      next: "Give one of at most 128 letters, digits, dots, dashes and underscores.",
    });
  }
}

const extension = ".json";
const maxBytes = 8 << 20;
const maxLinkableBytes = 64 << 20;

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(extension))
      .toSorted();
  } catch {
    return [];
  }
}
