import type { EntryInput } from "../../core/entry.ts";
import type { LogKey, SessionKey } from "../../core/ids.ts";
import type { AppendParams, AppendResult, Store } from "../../core/store.ts";
import { idOf } from "./log-key.ts";
import { RecentMap } from "./recent-map.ts";
import { isBranch, linksOf, type Range, saysAnything, strangersAfter } from "./strangers.ts";
import type { Link } from "./transcript-links.ts";

/** A batch that was stored beside what another writer had said meanwhile: a resume shows one of the two only. */
export interface ClaudeBranch extends LogKey {
  /** What was stored. */
  readonly from: number;
  readonly to: number;
  /** The first entry of the other writer that it does not go on from, and the last. */
  readonly besideFrom: number;
  readonly besideTo: number;
}

/** Where each log stood when this writer saw it last, so that what others write meanwhile is noticed. */
export class LogHeads {
  readonly #store: Store;
  readonly #onBranch: (branch: ClaudeBranch) => void;
  readonly #places = new RecentMap<Place>({ max: 10_000, isFree: ({ pending }) => pending === 0 });

  constructor({ store, onBranch }: { readonly store: Store; readonly onBranch: (_: ClaudeBranch) => void }) {
    this.#store = store;
    this.#onBranch = onBranch;
  }

  /** Says how far a log was read. What this writer stands on already is kept: its words go on from there. */
  stand(log: LogKey, head: number): void {
    this.#placeOf(log).known ??= head;
  }

  /** Takes a log as it is for known, where nothing is known of it. */
  async standAtEnd(log: LogKey): Promise<void> {
    if (this.#placeOf(log).known === undefined)
      this.stand(log, (await this.#store.read({ log, limit: 1 })).committed);
  }

  /** Writes a batch, and tells when others have written between this writer's last one and it. */
  async append(params: AppendParams, write: () => Promise<AppendResult>): Promise<AppendResult> {
    const place = this.#placeOf(params.log);
    place.pending += 1;
    try {
      const result = await write();
      place.own.push({ from: result.from, to: result.to, entries: params.entries });
      return result;
    } finally {
      place.pending -= 1;
      // Appends that overlap may be answered in any order: none of them is a stranger to the others.
      if (place.pending === 0) await this.#settle(params.log, place);
    }
  }

  /** What others wrote behind what this writer stands on, in the order of reading. */
  async strangers(log: LogKey): Promise<readonly Link[]> {
    const { known: seen, own } = this.#placeOf(log);
    if (seen === undefined) return [];
    const { committed: to } = await this.#store.read({ log, limit: 1 });
    const known = stillKnown(seen, to);
    return to <= known ? [] : strangersAfter(this.#store, { log, known, to, own });
  }

  /** Says that a log was removed, or a session with all of its logs. */
  removed({ project, session, log }: SessionKey & { readonly log?: string }): void {
    for (const place of this.#places.values()) {
      const isOne = place.project === project && place.session === session;
      if (isOne && (log === undefined || place.log === log)) place.known = 0;
    }
  }

  #placeOf({ project, session, log }: LogKey): Place {
    const make = (): Place => ({ project, session, log, known: undefined, pending: 0, own: [] });
    return this.#places.use(idOf({ project, session, log }), make);
  }

  async #settle(log: LogKey, place: Place): Promise<void> {
    const own = place.own.splice(0).toSorted((a, b) => a.from - b.from);
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined) return;
    const known = place.known === undefined ? first.from - 1 : stillKnown(place.known, first.from - 1);
    if (!hasHole(known, own)) {
      place.known = last.to;
      return;
    }
    const entries = own.flatMap((batch) => batch.entries);
    // What says nothing goes on from nothing: this writer still stands where it stood.
    if (!saysAnything(linksOf(entries))) return;
    place.known = last.to;
    try {
      const strangers = await strangersAfter(this.#store, { log, known, to: last.to, own });
      if (isBranch(strangers, entries)) this.#onBranch(branchOf(log, own, strangers));
    } catch {
      // The batch is stored: that it could not be looked at must not make the SDK send it again.
    }
  }
}

interface Place extends LogKey {
  /** The last entry that this writer wrote or read; undefined where it has done neither. */
  known: number | undefined;
  pending: number;
  /** What was stored since the last time that nothing was pending. */
  readonly own: Own[];
}

interface Own extends Range {
  readonly entries: readonly EntryInput[];
}

// A log that ends before what was seen of it was removed, and began anew: nothing of it is known.
function stillKnown(known: number, end: number): number {
  return end < known ? 0 : known;
}

function hasHole(known: number, own: readonly Own[]): boolean {
  let end = known;
  for (const { from, to } of own) {
    if (from > end + 1) return true;
    end = to;
  }
  return false;
}

function branchOf(
  { project, session, log }: LogKey,
  own: readonly Own[],
  strangers: readonly Link[],
): ClaudeBranch {
  const seqs = strangers.filter(({ said }) => said).map(({ seq }) => seq);
  return {
    project,
    session,
    log,
    from: own[0]!.from,
    to: own.at(-1)!.to,
    besideFrom: Math.min(...seqs),
    besideTo: Math.max(...seqs),
  };
}
