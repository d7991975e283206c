import type { Clock } from "../../core/clock.ts";
import type { Store } from "../../core/store.ts";

/** The part of a test runner that a suite needs; vitest and node:test both fit. */
export interface SuiteRunner {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly test: (title: string, body: () => Promise<void>) => unknown;
}

/** What a verb's tests are written against: each test gets a fresh store and its clock, closed when it ends. */
export interface StoreTests {
  readonly describe: (title: string, body: () => void) => void;
  readonly test: (title: string, body: (store: Store, clock: SuiteClock) => Promise<void>) => void;
}

/** A store's clock in a test's hands: it runs with the machine's until the test stops it. */
export class SuiteClock implements Clock {
  #stoppedAtMs: number | undefined;

  now(): number {
    return this.#stoppedAtMs ?? Date.now();
  }

  /** Stands still at this time from now on. */
  stopAt(atMs: number): void {
    this.#stoppedAtMs = atMs;
  }

  /** Moves a clock that stands still. */
  advance(ms: number): void {
    this.#stoppedAtMs = this.now() + ms;
  }
}
