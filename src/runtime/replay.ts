import type { Agent } from "../core/agent.ts";
import type { Entry, EntryInput } from "../core/entry.ts";
import { eventEntry, readEvent, type ReplayedEvent, type RunEvent } from "../core/event.ts";
import { asReplayed, replayMarker, ToldEvents } from "../core/replay.ts";
import { type Claim, eventLog, type Run } from "../core/run.ts";
import type { LogKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import { type InterruptedRuns, interruptedBefore } from "./interrupted-runs.ts";
import { historyOf } from "./provider-history.ts";
import { type PublishedRange, publishedRange } from "./published-range.ts";
import type { Timers } from "./timers.ts";

export interface ReplayParams {
  readonly store: Store;
  readonly agent: Agent;
  readonly claim: Claim;
  readonly timers: Timers;
  /** Aborts when the turn is stopped: nothing is written after that. */
  readonly signal: AbortSignal;
  /** Takes an entry of the run's own log; the same uuid is always the same entry. */
  readonly write: (entry: EntryInput & { readonly uuid: string }) => Promise<void>;
  readonly onReplay?: ((event: ReplayedEvent) => void) | undefined;
  /** The provider's own history could not be read. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/**
 * Begins a run's log with what the interrupted runs before it told: of each, oldest first, a marker, its own events,
 * and what its transcript tells beyond them; then what the provider itself kept of the last one. Nothing is done,
 * counted or captured because of it, and done again it adds nothing.
 */
export async function replayInterrupted(params: ReplayParams): Promise<void> {
  const found = await interruptedBefore(params.store, params.claim.run);
  if (found.runs.length > 0) await new Replay(params).play(found);
}

class Replay {
  readonly #params: ReplayParams;
  /** Of the last run that told anything. */
  #told = new ToldEvents();
  /** What was given of a provider's history, which later runs do not find there again. */
  readonly #kept = new Set<string>();
  #atMs = 0;

  constructor(params: ReplayParams) {
    this.#params = params;
  }

  async play({ runs, more }: InterruptedRuns): Promise<void> {
    const [first, last] = [runs[0]!, runs.at(-1)!];
    this.#atMs = first.startedAtMs;
    if (more) await this.#say(`replay/${first.id}/more`, "Runs that were interrupted before are left out.");
    for (const run of runs) await this.#replay(run);
    if (this.#params.agent.capabilities.nativeHistory) await this.#fromHistory(last);
  }

  async #replay(run: Run): Promise<void> {
    const told = new ToldEvents();
    const log = logOf(run, eventLog(run.id));
    let isMarked = false;
    for await (const entry of this.#entriesOf(log)) {
      const read = readEvent(entry.body);
      const isOwn = "fault" in read || (read.event.replayed !== true && read.run === run.id);
      if (!isOwn) {
        await this.#again(entry, "event" in read ? read.event : undefined);
        continue;
      }
      if (!isMarked) await this.#mark(run);
      isMarked = true;
      const uuid = `replay/${run.id}/${entry.seq}`;
      this.#atMs = entry.atMs;
      if ("fault" in read) await this.#say(uuid, `An event ${read.fault}, and is left out.`);
      else await this.#give(uuid, read.event);
      if ("event" in read && this.#isCompared) told.add(read.event);
    }
    if (!isMarked) await this.#mark(run);
    if (this.#params.agent.eventsOf !== undefined) await this.#fromTranscript(run, told);
    if (told.size > 0) this.#told = told;
  }

  /** Whether anything but our log tells of a run. */
  get #isCompared(): boolean {
    const { agent } = this.#params;
    return agent.capabilities.nativeHistory || agent.eventsOf !== undefined;
  }

  async #mark({ id, startedAtMs }: Run): Promise<void> {
    this.#atMs = Math.max(this.#atMs, startedAtMs);
    await this.#give(`replay/${id}`, replayMarker(id));
  }

  /** What a run had replayed is in the runs before it, but for what only the provider told it. */
  async #again({ uuid = "" }: Entry, event: RunEvent | undefined): Promise<void> {
    if (event === undefined || !isOfHistory(uuid) || this.#kept.has(uuid)) return;
    this.#told.add(event);
    this.#kept.add(uuid);
    await this.#give(uuid, event);
  }

  async #fromTranscript(run: Run, told: ToldEvents): Promise<void> {
    const range = await publishedRange(this.#params.store, run);
    if (range === null) return;
    const place = `replay/${run.id}/entry`;
    if (range === undefined)
      return await this.#say(place, "What its transcript tells beyond this is not known here.");
    const isLacking = told.source();
    let count = 0;
    for await (const bodies of this.#bodiesIn(run, range))
      for (const event of await this.#read(bodies))
        if (isLacking(event)) await this.#give(`${place}/${(count += 1)}`, event);
  }

  async #fromHistory({ id }: Run): Promise<void> {
    const isLacking = this.#told.source();
    let count = 0;
    for await (const event of historyOf(this.#params)) {
      if ("fault" in event) await this.#say(`replay/${id}/history`, `The provider's history ${event.fault}.`);
      else if (isLacking(event)) await this.#give(`replay/${id}/history/${(count += 1)}`, event);
    }
  }

  /** An agent that cannot read its own transcript is told of; the run goes on. */
  async #read(bodies: readonly string[]): Promise<readonly RunEvent[]> {
    const { agent, claim, onError } = this.#params;
    try {
      const events = agent.eventsOf!(bodies);
      for (const event of events) eventEntry({ run: claim.run.id, event });
      return events;
    } catch (error) {
      onError?.(error);
      return [];
    }
  }

  async #say(uuid: string, text: string): Promise<void> {
    await this.#give(uuid, { type: "notice", text });
  }

  async #give(uuid: string, event: RunEvent): Promise<void> {
    const { claim, signal, write, onReplay } = this.#params;
    signal.throwIfAborted();
    const replayed = asReplayed(event);
    await write({ ...eventEntry({ run: claim.run.id, event: replayed }), uuid, atMs: this.#atMs });
    onReplay?.(replayed);
  }

  async *#entriesOf(log: LogKey): AsyncGenerator<Entry> {
    for (let after = 0; ;) {
      const { entries, head } = await this.#params.store.read({ log, after, limit: pageSize });
      yield* entries;
      after += entries.length;
      if (after >= head || entries.length === 0) return;
    }
  }

  async *#bodiesIn(run: Run, { from, to }: PublishedRange): AsyncGenerator<readonly string[]> {
    for (let after = from - 1; after < to;) {
      const limit = Math.min(pageSize, to - after);
      const { entries } = await this.#params.store.read({ log: logOf(run, ""), after, limit });
      if (entries.length === 0) return;
      yield entries.map(({ body }) => body);
      after += entries.length;
    }
  }
}

// The first event waits for the first page.
const pageSize = 128;

function logOf({ project, session }: Run, log: string): LogKey {
  return { project, session, log };
}

function isOfHistory(uuid: string): boolean {
  return /^replay\/[^/]+\/history\//.test(uuid);
}
