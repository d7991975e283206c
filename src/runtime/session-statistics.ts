import { isOwnLog, type SessionKey } from "../core/ids.ts";
import { eventLog } from "../core/run.ts";
import type { Change, Store } from "../core/store.ts";
import { changedEntries } from "./changed-entries.ts";
import { bySession, type Projection, type ProjectionBatch, type SessionDocument } from "./projection.ts";
import { readEntry, type TranscriptReader } from "./statistics-entry.ts";
import { type SessionStatistics, Tally } from "./tally.ts";

/** The name of the projection. */
export const statisticsName = "session-statistics";

export interface SessionStatisticsParams {
  /** The providers whose transcripts can be read; of the others the run events are counted. */
  readonly readers: readonly TranscriptReader[];
}

/** What was done in each session, told by its committed entries alone. */
export function sessionStatistics({ readers }: SessionStatisticsParams): Projection {
  const named = new Map(readers.map((reader) => [reader.provider, reader]));
  return {
    name: statisticsName,
    async apply(batch) {
      const documents: SessionDocument[] = [];
      for (const { session, changes } of bySession(batch.changes)) {
        const body = await new StatisticsStep(batch, named, session).after(changes.filter(isCounted));
        if (body !== undefined) documents.push({ session, body });
      }
      return documents;
    },
  };
}

/** A session's statistics as they stand; null where nothing of it was counted yet. */
export async function statisticsOf(store: Store, session: SessionKey): Promise<SessionStatistics | null> {
  const body = await store.projected({ projection: statisticsName, session });
  return body === null ? null : Tally.from(body).statistics;
}

/** One session's part of one step. */
class StatisticsStep {
  readonly #batch: ProjectionBatch;
  readonly #readers: ReadonlyMap<string, TranscriptReader>;
  readonly #session: SessionKey;

  constructor(batch: ProjectionBatch, readers: ReadonlyMap<string, TranscriptReader>, session: SessionKey) {
    this.#batch = batch;
    this.#readers = readers;
    this.#session = session;
  }

  /** The document after these changes; undefined where it stays as it was. */
  async after(changes: readonly Change[]): Promise<string | null | undefined> {
    if (changes.length === 0) return undefined;
    const drop = changes.findLastIndex(({ kind }) => kind === "dropped");
    const body = drop === -1 ? await this.#batch.previous(this.#session) : null;
    const before = body === null ? undefined : Tally.from(body);
    const since = before?.since ?? (await this.#beginOf(changes.slice(drop + 1)));
    const rest = changes.slice(drop + 1).filter(({ seq }) => since !== undefined && seq >= since);
    // The session is gone again where it has no row, and the change that says so is still to come.
    const row = since === undefined ? null : await this.#batch.store.session(this.#session);
    if (since === undefined || row === null) return null;
    const reader = this.#readers.get(row.provider);
    const cut = rest.findLastIndex(({ kind }) => kind === "log_dropped");
    const tally = before === undefined || cut !== -1 ? new Tally(since) : before;
    if (cut !== -1) await this.#count(tally, reader, await this.#history(since, rest[cut]!.seq));
    await this.#count(tally, reader, rest.slice(cut + 1));
    return tally.body;
  }

  /**
   * The change that made the session visible; before it the store takes no document. Own logs do not, but in a run's
   * commit: so the events of a first run that was interrupted are not counted, whenever one looks.
   */
  async #beginOf(changes: readonly Change[]): Promise<number | undefined> {
    for (const { kind, log = "", seq } of changes) {
      if (kind !== "appended") continue;
      if (!isOwnLog(log)) return seq;
      const run = await this.#batch.store.run({ run: log.slice(eventLog("").length) });
      if (run?.state === "committed") return seq;
    }
    return undefined;
  }

  async #count(
    tally: Tally,
    reader: TranscriptReader | undefined,
    changes: readonly Change[],
  ): Promise<void> {
    for (const change of changes)
      for await (const entries of changedEntries(this.#batch.store, change))
        for (const entry of entries) tally.add(readEntry(change, entry, reader));
  }

  /**
   * What was appended to the session, of the logs that were not dropped since. Price: reads the whole feed from the
   * session's first change on, once for a dropped log; a count for each log would make every document grow instead.
   */
  async #history(since: number, until: number): Promise<readonly Change[]> {
    const { project, session } = this.#session;
    const kept: Change[] = [];
    for (let after = since - 1; after < until;) {
      const { changes } = await this.#batch.store.changes({ after, limit: Math.min(1000, until - after) });
      const own = changes.filter((change) => change.project === project && change.session === session);
      kept.push(...own.filter(isCounted));
      after = changes.at(-1)!.seq;
    }
    const droppedAt = new Map(
      kept.flatMap(({ kind, log, seq }) => (kind === "log_dropped" ? [[log, seq] as const] : [])),
    );
    return kept.filter((change) => isAppended(change) && change.seq > (droppedAt.get(change.log) ?? 0));
  }
}

function isCounted({ kind, log = "" }: Change): boolean {
  if (kind === "dropped") return true;
  return (kind === "appended" || kind === "log_dropped") && (!isOwnLog(log) || log.startsWith(eventLog("")));
}

function isAppended({ kind }: Change): boolean {
  return kind === "appended";
}
