import type { SuiteRunner } from "../store-suite/index.ts";
import { appendTests } from "./append.ts";
import { atomicityTests } from "./atomicity.ts";
import type { ClaudeStore, ClaudeTests, SuiteFold } from "./contract.ts";
import { deleteTests } from "./delete.ts";
import { keyTests } from "./keys.ts";
import { listTests } from "./lists.ts";
import { loadTests } from "./load.ts";
import { countingFold } from "./samples.ts";
import { summaryTests } from "./summaries.ts";

export type { ClaudeKey, ClaudeStore, SuiteEntry, SuiteFold, SuiteSummary } from "./contract.ts";

/** What {@link claudeStoreSuite} needs: a runner, and how to make an empty store. */
export interface ClaudeStoreSuiteParams {
  readonly runner: SuiteRunner;
  /** Makes a new, empty store that folds its summaries with this helper; called once a test. */
  readonly open: (foldSessionSummary: SuiteFold) => Promise<ClaudeStore>;
  /** Removes what it left. */
  readonly close?: (store: ClaudeStore) => Promise<void>;
}

/**
 * Declares the tests that a `SessionStore` of the Claude Agent SDK must pass: the fourteen published contracts, and
 * what they leave out (retries, races, odd text, near keys, big batches).
 */
export function claudeStoreSuite({ runner, open, close = async () => {} }: ClaudeStoreSuiteParams): void {
  const tests: ClaudeTests = {
    describe: (title, body) => void runner.describe(title, body),
    test: (title, body) =>
      void runner.test(title, async () => {
        const store = await open(countingFold);
        try {
          await body(store);
        } finally {
          await close(store);
        }
      }),
  };
  for (const declare of methods) declare(tests);
}

const methods: readonly ((tests: ClaudeTests) => void)[] = [
  appendTests,
  atomicityTests,
  loadTests,
  keyTests,
  listTests,
  summaryTests,
  deleteTests,
];
