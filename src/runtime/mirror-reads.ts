import { HoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import type {
  ReadParams,
  ReadResult,
  ScanParams,
  SessionPage,
  SessionsParams,
  Store,
} from "../core/store.ts";
import * as comparable from "./mirror-compare.ts";
import type { MirrorFeed } from "./mirror-feed.ts";
import { isMarked, markedStore } from "./mirror-marks.ts";
import type { MirrorPair } from "./mirror-session.ts";
import type { Shadow } from "./mirror-shadow.ts";

/** `off`: nothing is fed. `dual`: the secondary is fed. `shadow`: and each read is compared. `promoted`: and reads are the secondary's. */
export type MirrorFlag = "off" | "dual" | "shadow" | "promoted";

interface MirrorReadsParams extends MirrorPair {
  readonly feed: MirrorFeed;
  readonly shadow: Shadow;
  readonly flag: () => MirrorFlag;
  /** How long a promoted read waits for the secondary before it asks the primary. */
  readonly patienceMs: number;
}

/** The reads of a mirrored store: the flag says which store answers them, and whether they are compared. */
export class MirrorReads {
  readonly #primary: Store;
  readonly #secondary: Store;
  readonly #feed: MirrorFeed;
  readonly #shadow: Shadow;
  readonly #flag: () => MirrorFlag;
  readonly #patienceMs: number;
  #promoted = 0;
  #fallbacks = 0;

  constructor({ primary, secondary, feed, shadow, flag, patienceMs }: MirrorReadsParams) {
    this.#primary = primary;
    this.#secondary = markedStore(secondary);
    this.#feed = feed;
    this.#shadow = shadow;
    this.#flag = flag;
    this.#patienceMs = patienceMs;
  }

  /** Reads that the secondary answered, and those that the primary had to answer although it is promoted. */
  get counts(): { readonly promoted: number; readonly fallbacks: number } {
    return { promoted: this.#promoted, fallbacks: this.#fallbacks };
  }

  /** The verbs that read what is mirrored; all others are the primary's. */
  verbs() {
    const { comparableLogs, comparableSession, comparableTombstone } = comparable;
    return {
      read: (params) => this.#read(params),
      scan: (params) => this.#scan(params),
      sessions: (params = {}) => this.#sessions(params),
      logs: (key) =>
        this.#ask({ verb: "logs", params: key, of: key, ask: (s, k) => s.logs(k), compare: comparableLogs }),
      session: (key) => this.#ask({ ...sessionRead(key), compare: comparableSession }),
      tombstone: (key) => {
        const ask = (store: Store, params: SessionKey) => store.tombstone(params);
        return this.#ask({ verb: "tombstone", params: key, of: key, ask, compare: comparableTombstone });
      },
    } satisfies Partial<Store>;
  }

  async #read(params: ReadParams): Promise<ReadResult> {
    if (params.run !== undefined) return this.#primary.read(params);
    if (isMarked(params.id)) return this.#askMarked(params.log, (store) => store.read(params));
    const ask = (store: Store, own: ReadParams): Promise<ReadResult> => store.read(own);
    const compare = comparable.comparableRead;
    return this.#ask({ verb: "read", params, of: params.log, ask, compare, pinned: params.id !== undefined });
  }

  async #sessions(params: SessionsParams): Promise<SessionPage> {
    if (isMarked(params.cursor)) return this.#askMarked(undefined, (store) => store.sessions(params));
    const ask = (store: Store, own: SessionsParams): Promise<SessionPage> => store.sessions(own);
    const answer = await this.#ask({ verb: "sessions", params, ask, pinned: params.cursor !== undefined });
    // Row by row: where times differ by a little, a page may end elsewhere.
    const compare = comparable.comparableSession;
    if (this.#flag() === "shadow")
      for (const row of answer.sessions) this.#compare({ ...sessionRead(keyOf(row)), compare });
    return answer;
  }

  async *#scan(params: ScanParams): AsyncIterable<readonly string[]> {
    const own = structuredClone(params);
    if (await this.#mayScan(own)) {
      yield* this.#secondary.scan(own);
      return;
    }
    yield* this.#primary.scan(own);
    if (this.#flag() !== "shadow") return;
    const ask = async (store: Store, again: ScanParams) => comparable.comparableScan(store.scan(again));
    this.#compare({ verb: "scan", params: own, ask, compare: (found) => found });
  }

  async #mayScan({ id, log }: ScanParams): Promise<boolean> {
    if (isMarked(id)) return this.#askMarked(log, async () => true);
    if (id !== undefined || this.#flag() !== "promoted") return false;
    // A read of one entry tells whether the secondary answers at all: a scan cannot begin twice.
    const found = await this.#askSecondary(log, (store) => store.read({ log, limit: 1 }));
    return found !== undefined;
  }

  /** The answer of the store that the flag names; a read that is pinned goes on where the primary began it. */
  async #ask<Params extends object, Found>(read: MirrorRead<Params, Found>): Promise<Found> {
    const { of, ask, pinned = false } = read;
    const promoted = this.#flag() === "promoted" && !pinned;
    // The caller may change what it passed while the answer is under way.
    const params = structuredClone(read.params);
    const found = promoted ? await this.#askSecondary(of, (store) => ask(store, params)) : undefined;
    if (found !== undefined) return found.answer;
    const answer = await ask(this.#primary, params);
    if (this.#flag() === "shadow") this.#compare({ ...read, params });
    return answer;
  }

  #compare<Params extends object, Found>({ verb, params, ask, compare }: MirrorRead<Params, Found>): void {
    if (compare === undefined) return;
    // The id is that of the primary's log.
    const { id: _id, ...own } = params as Params & { readonly id?: string };
    const again = own as unknown as Params;
    this.#shadow.offer({ verb, params: again, ask: async (store) => compare(await ask(store, again)) });
  }

  /** The secondary's answer, if it has all that concerns the session and answers in time; what it refuses, the primary says. */
  async #askSecondary<Found>(
    session: SessionKey | undefined,
    ask: (store: Store) => Promise<Found>,
  ): Promise<{ readonly answer: Found } | undefined> {
    try {
      if (await this.#feed.hasTaken(session)) {
        const answer = await within(this.#patienceMs, ask(this.#secondary));
        this.#promoted += 1;
        return { answer };
      }
    } catch {
      // The primary has it too.
    }
    this.#fallbacks += 1;
    return undefined;
  }

  /** Goes on with what the secondary began: the primary cannot read it. @throws mirror_behind */
  async #askMarked<Found>(
    session: SessionKey | undefined,
    ask: (store: Store) => Promise<Found>,
  ): Promise<Found> {
    const hasAll = await this.#feed.hasTaken(session);
    const signal = AbortSignal.timeout(this.#patienceMs);
    if (!hasAll && !(await this.#feed.reaches(await this.#feed.feedPosition(), signal))) throw behind();
    return ask(this.#secondary);
  }
}

interface MirrorRead<Params extends object, Found> {
  readonly verb: keyof Store;
  readonly params: Params;
  /** The session that it concerns; absent: it may be any. */
  readonly of?: SessionKey;
  readonly ask: (store: Store, params: Params) => Promise<Found>;
  readonly compare?: (found: Found) => comparable.Comparable;
  readonly pinned?: boolean;
}

function sessionRead(key: SessionKey) {
  const ask = (store: Store, params: SessionKey) => store.session(params);
  return { verb: "session", params: key, of: key, ask } as const;
}

function keyOf({ project, session }: SessionKey): SessionKey {
  return { project, session };
}

function behind(): HoldfastError {
  return new HoldfastError({
    code: "mirror_behind",
    message: "The read began at the mirror's secondary, which does not have all of it now.",
    next: "Try again, or begin the read anew.",
    retryable: true,
  });
}

async function within<Found>(ms: number, answer: Promise<Found>): Promise<Found> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("The secondary does not answer.")), ms);
  try {
    return await Promise.race([answer, promise]);
  } finally {
    clearTimeout(timer);
  }
}
