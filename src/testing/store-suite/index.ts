import type { Store } from "../../core/store.ts";
import { appendTests } from "./append.ts";
import { atomicityTests } from "./atomicity.ts";
import { blobsTests } from "./blobs.ts";
import { bodiesTests } from "./bodies.ts";
import { changesTests } from "./changes.ts";
import { concurrencyTests } from "./concurrency.ts";
import { dedupeTests } from "./dedupe.ts";
import { describeTests } from "./describe.ts";
import { dropTests } from "./drop.ts";
import { foldTests } from "./fold.ts";
import type { StoreTests, SuiteRunner } from "./harness.ts";
import { isolationTests } from "./isolation.ts";
import { keysTests } from "./keys.ts";
import { logsTests } from "./logs.ts";
import { migrateTests } from "./migrate.ts";
import { readTests } from "./read.ts";
import { scanTests } from "./scan.ts";
import { sessionTests } from "./session.ts";
import { sessionsTests } from "./sessions.ts";
import { tombstoneTests } from "./tombstone.ts";
import { watchTests } from "./watch.ts";

export type { SuiteRunner } from "./harness.ts";

/** What {@link storeSuite} needs: a runner, and how to open an empty store. */
export interface StoreSuiteParams {
  readonly runner: SuiteRunner;
  /** Opens a new, empty store; called once a test. */
  readonly open: () => Promise<Store>;
  /** Closes it and removes what it left; default is the store's own close. */
  readonly close?: (store: Store) => Promise<void>;
}

/** Declares the tests that every store must pass. */
export function storeSuite({ runner, open, close = (store) => store.close() }: StoreSuiteParams): void {
  const tests: StoreTests = {
    describe: (title, body) => void runner.describe(title, body),
    test: (title, body) =>
      void runner.test(title, async () => {
        const store = await open();
        try {
          await body(store);
        } finally {
          await close(store);
        }
      }),
  };
  for (const declare of verbs) declare(tests);
}

const verbs: readonly ((tests: StoreTests) => void)[] = [
  appendTests,
  dedupeTests,
  atomicityTests,
  concurrencyTests,
  foldTests,
  readTests,
  scanTests,
  logsTests,
  sessionTests,
  sessionsTests,
  describeTests,
  dropTests,
  tombstoneTests,
  blobsTests,
  changesTests,
  watchTests,
  migrateTests,
  bodiesTests,
  keysTests,
  isolationTests,
];
