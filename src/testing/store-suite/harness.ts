import type { Store } from "../../core/store.ts";

/** The part of a test runner that a suite needs; vitest and node:test both fit. */
export interface SuiteRunner {
  readonly describe: (title: string, body: () => void) => unknown;
  readonly test: (title: string, body: () => Promise<void>) => unknown;
}

/** What a verb's tests are written against: each test gets a fresh store, closed when it ends. */
export interface StoreTests {
  readonly describe: (title: string, body: () => void) => void;
  readonly test: (title: string, body: (store: Store) => Promise<void>) => void;
}
