import { HoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Change, SessionsFilter } from "../core/store.ts";
import { compareSession, type SessionParity, type Stores } from "./compare-session.ts";
import { type CopyContext, type CopyCounts, copySession, type SeenDrops } from "./copy-session.ts";
import { type ParityReport, ParitySum } from "./parity.ts";
import { bySession } from "./projection.ts";
import { forEach, sessionKeys } from "./session-keys.ts";

/** What to copy where. The source is only read. */
export interface CopyParams extends Stores {
  readonly project?: string;
  /** Only sessions that were written or dropped since. */
  readonly sinceMs?: number;
  /**
   * Goes on after an interruption: of a log that is at the target its last entry is compared, and not all of it. The
   * comparison at the end is the whole one.
   */
  readonly resume?: boolean;
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Stops between two batches; the same call goes on from there. */
  readonly signal?: AbortSignal;
}

/** How far a copy is, in UTF-16 units of the sessions' transcripts. */
export interface CopyProgress {
  readonly phase: "copying" | "following" | "comparing";
  readonly done: number;
  readonly total: number;
  /** What was written in this call, with Holdfast's own logs. */
  readonly copied: number;
}

export interface CopyReport extends CopyCounts {
  /** The change of the source's feed up to which all was copied. */
  readonly position: number;
  /** The signal came first: run it again to go on. */
  readonly stopped: boolean;
  /** Null where it was stopped. */
  readonly parity: ParityReport | null;
}

/**
 * Copies sessions with all that belongs to them, follows the source's feed until it is caught up, and compares both.
 * What it needs to go on after any interruption is the target itself.
 * @throws usage where both are the same store
 */
export async function copyStore(params: CopyParams): Promise<CopyReport> {
  checkStores(params);
  return await new Copy(params).run();
}

function checkStores({ from, to }: Stores): void {
  if (from !== to && (from.url !== to.url || from.url === "memory:")) return;
  throw new HoldfastError({
    code: "usage",
    message: `The source and the target are the same store: ${from.url}.`,
    next: "Name another target.",
  });
}

class Copy {
  readonly #params: CopyParams;
  readonly #context: CopyContext;
  #counts: CopyCounts = { entries: 0, length: 0, transcriptLength: 0, blobs: 0, dropped: 0 };
  #phase: CopyProgress["phase"] = "copying";
  #done = 0;
  #total = 0;
  #position = 0;

  constructor(params: CopyParams) {
    const { from, to, resume: quick = false, signal } = params;
    this.#params = params;
    this.#context = { from, to, quick, signal, tell: (done) => this.#add(done) };
  }

  async run(): Promise<CopyReport> {
    try {
      const parity = await this.#copyAll();
      return { ...this.#counts, position: this.#position, stopped: false, parity };
    } catch (error) {
      if (this.#params.signal?.aborted !== true) throw error;
      return { ...this.#counts, position: this.#position, stopped: true, parity: null };
    }
  }

  async #copyAll(): Promise<ParityReport> {
    const { from, project } = this.#params;
    // Before anything is read: what is written meanwhile stands behind it.
    this.#position = (await from.changes({ after: 0, limit: 1 })).position;
    this.#total = await this.#totalLength();
    await forEach(sessionKeys(from, project), atOnce, (key) => this.#copyOne(key));
    this.#phase = "following";
    await this.#follow();
    this.#phase = "comparing";
    this.#tell();
    return await this.#compare();
  }

  async #totalLength(): Promise<number> {
    const { from, project, sinceMs } = this.#params;
    const filter: SessionsFilter = {
      ...(project === undefined ? {} : { project }),
      ...(sinceMs === undefined ? {} : { sinceMs }),
    };
    let total = 0;
    for (let cursor: string | undefined; ;) {
      const page = await from.sessions({ filter, limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
      for (const { length } of page.sessions) total += length;
      if (page.cursor === undefined) return total;
      cursor = page.cursor;
    }
  }

  async #copyOne(key: SessionKey): Promise<void> {
    this.#params.signal?.throwIfAborted();
    const length = await this.#wantedLength(key);
    if (length === undefined) return;
    let written = 0;
    const tell = (done: Partial<CopyCounts>): void => {
      written += done.transcriptLength ?? 0;
      this.#add(done);
    };
    await copySession({ ...this.#context, tell }, key);
    // What was there already is done too.
    this.#done += Math.max(0, length - written);
    this.#tell();
  }

  /** The length of a session's transcripts; undefined where it is too old. What has neither row nor tombstone has no age. */
  async #wantedLength(key: SessionKey): Promise<number | undefined> {
    const { from, sinceMs = 0 } = this.#params;
    const row = await from.session(key);
    if (row !== null) return row.updatedAtMs >= sinceMs ? row.length : undefined;
    const tombstone = sinceMs === 0 ? null : await from.tombstone(key);
    return tombstone === null || tombstone.droppedAtMs >= sinceMs ? 0 : undefined;
  }

  async #follow(): Promise<void> {
    const { from, project, signal } = this.#params;
    for (;;) {
      signal?.throwIfAborted();
      const { changes } = await from.changes({ after: this.#position, limit: 1000 });
      const last = changes.at(-1);
      if (last === undefined) return;
      const wanted = changes.filter((change) => project === undefined || change.project === project);
      await forEach(bySession(wanted), atOnce, async ({ session, changes: own }) => {
        if ((await this.#wantedLength(session)) === undefined) return;
        await copySession(this.#context, session, dropsIn(own));
      });
      this.#position = last.seq;
      this.#tell();
    }
  }

  async #compare(): Promise<ParityReport> {
    const { from, project, signal } = this.#params;
    const sum = new ParitySum();
    await forEach(sessionKeys(from, project), atOnce, async (key) => {
      signal?.throwIfAborted();
      if ((await this.#wantedLength(key)) !== undefined) sum.add(await this.#compared(key));
    });
    return sum.report;
  }

  /** The source may be written still: what differs is copied once more before it counts. */
  async #compared(key: SessionKey): Promise<SessionParity> {
    const first = await parityUnlessGone(this.#context, key);
    if (first?.differences.length === 0) return first;
    const why = await copySession({ ...this.#context, quick: false }, key);
    const { project, session } = key;
    const parity = await compareSession(this.#context, key);
    if (why === undefined) return parity;
    const reason = { project, session, what: "session" as const, message: why };
    return { ...parity, differences: [...parity.differences, reason] };
  }

  #add(done: Partial<CopyCounts>): void {
    const { entries, length, transcriptLength, blobs, dropped } = this.#counts;
    this.#counts = {
      entries: entries + (done.entries ?? 0),
      length: length + (done.length ?? 0),
      transcriptLength: transcriptLength + (done.transcriptLength ?? 0),
      blobs: blobs + (done.blobs ?? 0),
      dropped: dropped + (done.dropped ?? 0),
    };
    this.#done += done.transcriptLength ?? 0;
    this.#tell();
  }

  #tell(): void {
    // The source may have grown since the total was told.
    const done = Math.min(this.#total, this.#done);
    this.#params.onProgress?.({ phase: this.#phase, done, total: this.#total, copied: this.#counts.length });
  }
}

// Small sessions wait for round trips and for the disk; the price of more is a piece of each in memory.
const atOnce = 4;

/** What changes of one session tell of its removal. */
export function dropsIn(changes: readonly Change[]): SeenDrops {
  const logs = changes.flatMap(({ kind, log }) => (kind === "log_dropped" && log !== undefined ? [log] : []));
  return { session: changes.some(({ kind }) => kind === "dropped"), logs: new Set(logs) };
}

async function parityUnlessGone(stores: Stores, key: SessionKey): Promise<SessionParity | undefined> {
  try {
    return await compareSession(stores, key);
  } catch (error) {
    if (error instanceof HoldfastError && ["session_dropped", "cursor_ahead"].includes(error.code))
      return undefined;
    throw error;
  }
}
