/** A point in time after which nothing more is begun, and what runs is killed. */
export class Deadline {
  readonly signal: AbortSignal | undefined;
  readonly #endsAtMs: number;

  constructor({
    timeoutMs,
    signal,
  }: {
    readonly timeoutMs: number;
    readonly signal?: AbortSignal | undefined;
  }) {
    this.#endsAtMs = performance.now() + timeoutMs;
    this.signal = signal;
  }

  get isOver(): boolean {
    return this.signal?.aborted === true || this.remainingMs <= 1;
  }

  get remainingMs(): number {
    return Math.max(1, Math.round(this.#endsAtMs - performance.now()));
  }

  /** For one git process: until the end, and at most so long. */
  bounds(maxMs = Number.POSITIVE_INFINITY): { readonly timeoutMs: number; readonly signal?: AbortSignal } {
    const timeoutMs = Math.min(maxMs, this.remainingMs);
    return this.signal === undefined ? { timeoutMs } : { timeoutMs, signal: this.signal };
  }
}
