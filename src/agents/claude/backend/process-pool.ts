import type { SessionKey } from "../../../core/ids.ts";

/** A process that a session has for itself. */
export interface Pooled {
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly hasEnded: boolean;
  /** It has begun something that goes on when no turn has it. */
  readonly isAtWork: boolean;
  close(): Promise<void>;
}

export interface ProcessPoolParams {
  /** How many live at a time. */
  readonly maxProcesses: number;
  /** After which time without a turn one is ended. */
  readonly idleMs: number;
}

/**
 * Bounds the processes that live at a time. One that is between two turns makes room for another session, the one that
 * has rested longest first; one that is in a turn never does: who finds all at work waits. One that works in the
 * background is ended for another session only where no other rests, and has longer before it counts as idle.
 */
export class ProcessPool<Live extends Pooled> {
  readonly #params: ProcessPoolParams;
  /** In the order of their last turns. */
  readonly #seats = new Map<string, Seat<Live>>();
  /** Each by what wakes it, in the order in which they came. */
  readonly #waiting = new Set<() => void>();
  #closing: Promise<void> | undefined;

  constructor(params: ProcessPoolParams) {
    this.#params = params;
  }

  /** How many live or are about to. */
  get size(): number {
    return this.#seats.size;
  }

  /** Gives the session's place, with its process where it has one, once there is room. @throws the signal's reason */
  async take(session: SessionKey, signal: AbortSignal): Promise<Seat<Live>> {
    const id = JSON.stringify([session.project, session.session]);
    for (;;) {
      signal.throwIfAborted();
      const seat = this.#seats.get(id);
      if (seat !== undefined && !seat.isBusy) return this.#seated(seat);
      if (seat === undefined && this.#seats.size < this.#params.maxProcesses)
        return this.#seated(new Seat<Live>(id));
      if (seat === undefined) this.#makeRoom(this.#waiting.size + 1);
      await this.#waited(signal);
    }
  }

  /** Gives a place back: its process rests, and without one the place is free. */
  release(seat: Seat<Live>): void {
    seat.isBusy = false;
    const { live } = seat;
    if (live === undefined) this.#free(seat);
    else if (live.hasEnded) this.#endUnawaited(seat);
    else {
      this.#rest(seat, live);
      this.#makeRoom(this.#waiting.size);
    }
    this.#wake();
  }

  /** Ends all that rest, and each that is in a turn once it is given back. */
  async close(): Promise<void> {
    this.#closing ??= this.#closeAll().finally(() => (this.#closing = undefined));
    await this.#closing;
  }

  #seated(seat: Seat<Live>): Seat<Live> {
    clearTimeout(seat.timer);
    seat.isBusy = true;
    // Last in the order.
    this.#seats.delete(seat.id);
    this.#seats.set(seat.id, seat);
    return seat;
  }

  #rest(seat: Seat<Live>, live: Live): void {
    this.#endLater(seat, { afterMs: this.#params.idleMs, leftMs: longestAtWorkMs });
    void live.ended.then(() => {
      // What it gave last is kept before another process has its session.
      if (seat.live === live) this.#endUnawaited(seat);
    });
    if (this.#closing !== undefined) this.#endUnawaited(seat);
  }

  #endLater(seat: Seat<Live>, { afterMs, leftMs }: EndLater): void {
    const end = (): void => {
      if (leftMs === 0 || seat.live?.isAtWork !== true) return this.#endUnawaited(seat);
      const nextMs = Math.min(Math.max(this.#params.idleMs, shortestLookMs), leftMs);
      this.#endLater(seat, { afterMs: nextMs, leftMs: leftMs - nextMs });
    };
    seat.timer = setTimeout(end, Math.min(afterMs, longestTimerMs)).unref();
  }

  /** Ends as many that rest as it takes for so many more, beside those that are ending. */
  #makeRoom(needed: number): void {
    const seats = [...this.#seats.values()];
    const coming = this.#params.maxProcesses - seats.length + seats.filter(({ isEnding }) => isEnding).length;
    const resting = seats
      .filter(({ isBusy }) => !isBusy)
      .toSorted((a, b) => Number(a.live?.isAtWork) - Number(b.live?.isAtWork));
    for (const seat of resting.slice(0, Math.max(0, needed - coming))) this.#endUnawaited(seat);
  }

  // Nobody waits for it: what it throws would end the host with all its runs.
  #endUnawaited(seat: Seat<Live>): void {
    this.#end(seat).catch(() => undefined);
  }

  /** It keeps its place until its process has ended. */
  async #end(seat: Seat<Live>): Promise<void> {
    if (seat.isBusy || seat.live === undefined) return;
    seat.isBusy = seat.isEnding = true;
    clearTimeout(seat.timer);
    try {
      await seat.live.close();
    } finally {
      this.#free(seat);
    }
  }

  #free(seat: Seat<Live>): void {
    clearTimeout(seat.timer);
    if (this.#seats.get(seat.id) === seat) this.#seats.delete(seat.id);
    this.#wake();
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = [];
    for (;;) {
      const ends = Array.from(this.#seats.values(), async (seat) => {
        await this.#end(seat).catch((error: unknown) => void failures.push(error));
      });
      await Promise.all(ends);
      if (this.#seats.size === 0) break;
      await this.#waited(undefined);
    }
    if (failures.length > 0) throw failures[0];
  }

  // All at once: each looks for itself whether there is room for it, the first one first.
  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  async #waited(signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    // At once: for one that was stopped no room is made any more.
    const wake = (): void => {
      this.#waiting.delete(wake);
      resolve();
    };
    this.#waiting.add(wake);
    signal?.addEventListener("abort", wake);
    await promise;
    signal?.removeEventListener("abort", wake);
  }
}

/** A place for one session's process. */
export class Seat<Live> {
  readonly id: string;
  live: Live | undefined;
  isBusy = false;
  isEnding = false;
  timer: NodeJS.Timeout | undefined;

  constructor(id: string) {
    this.id = id;
  }
}

// A timer that is given more fires at once.
const longestTimerMs = 2 ** 31 - 1;

/** Beyond its idle time: what never ends must not keep a process for ever. */
const longestAtWorkMs = 3_600_000;
const shortestLookMs = 1000;

interface EndLater {
  readonly afterMs: number;
  /** How much longer it may be at work after that. */
  readonly leftMs: number;
}
