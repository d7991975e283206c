import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { SuiteRunner } from "../../src/testing/store-suite/harness.ts";

export interface FirstFailureParams {
  /** Declares a suite's tests by the runner that it is given. */
  readonly declare: (runner: SuiteRunner) => void;
  /** Only the tests below this title; absent: all. */
  readonly group?: string | undefined;
}

/** Runs a suite's tests one after the other, and gives the title of the first that fails; undefined: none does. */
export async function firstFailure({ declare, group }: FirstFailureParams): Promise<string | undefined> {
  const tests = recorded(declare).filter(
    ({ title }) => group === undefined || title.startsWith(`${group}: `),
  );
  assert.ok(tests.length > 0, `There is no group "${group}".`);
  const deadlineMs = group === undefined ? 25_000 : 3000;
  for (const { title, body } of tests) if (await fails(body, deadlineMs)) return title;
  return undefined;
}

interface RecordedTest {
  /** With the titles of its groups before it. */
  readonly title: string;
  readonly body: () => Promise<void>;
}

function recorded(declare: FirstFailureParams["declare"]): readonly RecordedTest[] {
  const tests: RecordedTest[] = [];
  let path: readonly string[] = [];
  declare({
    describe: (title, body) => {
      const outer = path;
      path = [...outer, title];
      body();
      path = outer;
    },
    test: (title, body) => void tests.push({ title: [...path, title].join(": "), body }),
  });
  return tests;
}

// What is broken may wait for ever, so a test that hangs counts as one that fails.
async function fails(body: () => Promise<void>, deadlineMs: number): Promise<boolean> {
  const controller = new AbortController();
  const outcome = body().then(
    () => false,
    (error: unknown) => {
      // A break that crashes by a mistake of its own proves nothing.
      if (error instanceof TypeError || error instanceof ReferenceError) throw error;
      return true;
    },
  );
  const late = delay(deadlineMs, true, { signal: controller.signal }).catch(() => true);
  try {
    return await Promise.race([outcome, late]);
  } finally {
    controller.abort();
  }
}
