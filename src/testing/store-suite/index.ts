import type { Clock } from "../../core/clock.ts";
import type { Store } from "../../core/store.ts";
import { admitTests } from "./admit.ts";
import { appendTests } from "./append.ts";
import { atomicityTests } from "./atomicity.ts";
import { auditTests } from "./audit.ts";
import { blobsTests } from "./blobs.ts";
import { bodiesTests } from "./bodies.ts";
import { cancelTests } from "./cancel.ts";
import { changesTests } from "./changes.ts";
import { claimTests } from "./claim.ts";
import { commitGuardsTests } from "./commit-guards.ts";
import { commitTests } from "./commit.ts";
import { concurrencyTests } from "./concurrency.ts";
import { dedupeTests } from "./dedupe.ts";
import { describeTests } from "./describe.ts";
import { dropTests } from "./drop.ts";
import { endRunGuardsTests } from "./end-run-guards.ts";
import { endRunTests } from "./end-run.ts";
import { foldTests } from "./fold.ts";
import { type StoreTests, SuiteClock, type SuiteRunner } from "./harness.ts";
import { holdingsTests } from "./holdings.ts";
import { isolationTests } from "./isolation.ts";
import { keysTests } from "./keys.ts";
import { leasesTests } from "./leases.ts";
import { logsTests } from "./logs.ts";
import { migrateTests } from "./migrate.ts";
import { projectionsTests } from "./projections.ts";
import { readTests } from "./read.ts";
import { requeueTests } from "./requeue.ts";
import { resumeTests } from "./resume.ts";
import { runsTests } from "./runs.ts";
import { scanTests } from "./scan.ts";
import { sessionTests } from "./session.ts";
import { sessionsTests } from "./sessions.ts";
import { stagedTests } from "./staged.ts";
import { sweepTests } from "./sweep.ts";
import { tailTests } from "./tail.ts";
import { tombstoneTests } from "./tombstone.ts";
import { usageTests } from "./usage.ts";
import { watchTests } from "./watch.ts";

export type { SuiteRunner } from "./harness.ts";

/** What {@link storeSuite} needs: a runner, and how to open an empty store. */
export interface StoreSuiteParams {
  readonly runner: SuiteRunner;
  /** Opens a new, empty store that takes its time from this clock; called once a test. */
  readonly open: (options: { readonly clock: Clock }) => Promise<Store>;
  /** Closes it and removes what it left; default is the store's own close. */
  readonly close?: (store: Store) => Promise<void>;
}

/** Declares the tests that every store must pass. */
export function storeSuite({ runner, open, close = (store) => store.close() }: StoreSuiteParams): void {
  const tests: StoreTests = {
    describe: (title, body) => void runner.describe(title, body),
    test: (title, body) =>
      void runner.test(title, async () => {
        const clock = new SuiteClock();
        const store = await open({ clock });
        try {
          await body(store, clock);
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
  leasesTests,
  admitTests,
  claimTests,
  cancelTests,
  requeueTests,
  stagedTests,
  tailTests,
  commitTests,
  commitGuardsTests,
  endRunTests,
  endRunGuardsTests,
  runsTests,
  auditTests,
  usageTests,
  projectionsTests,
  resumeTests,
  sweepTests,
  holdingsTests,
];
