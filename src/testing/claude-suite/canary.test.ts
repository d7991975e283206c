import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, test } from "vitest";
import { firstFailure } from "../../../test/suites/first-failure.ts";
import { appendBreaks } from "./canary/append-breaks.ts";
import { deleteBreaks, listBreaks } from "./canary/list-breaks.ts";
import { loadBreaks } from "./canary/load-breaks.ts";
import { type Change, changedStore } from "./canary/plain-store.ts";
import { claudeStoreSuite } from "./index.ts";

const breaks = { ...appendBreaks, ...loadBreaks, ...listBreaks, ...deleteBreaks };

/** What the contract leaves open: a suite that refused these would refuse good stores. */
const liberties: Readonly<Record<string, Change>> = {
  "keeps the contract with two maps": () => ({}),
  "gives the fields of an entry in another order": (_, plain) => ({
    copyOut: (entries) => plain.copyOut(entries).map((entry) => reversed(entry) as typeof entry),
  }),
  "lists in another order": (_, plain) => ({
    listSessions: async (projectKey) => (await plain.listSessions(projectKey)).toReversed(),
    listSessionSummaries: async (projectKey) => (await plain.listSessionSummaries(projectKey)).toReversed(),
    listSubkeys: async (key) => (await plain.listSubkeys(key)).toReversed(),
  }),
  "has a clock that is some seconds behind": () => ({ now: () => Date.now() - 10_000 }),
  "has a clock that is some seconds ahead": () => ({ now: () => Date.now() + 10_000 }),
  "answers late, one call after the other": (_, plain) => {
    let turn: Promise<unknown> = Promise.resolve();
    const later = <T>(call: () => Promise<T>): Promise<T> => {
      const answer = turn.then(() => nextTurn()).then(call);
      turn = answer.catch(() => undefined);
      return answer;
    };
    return {
      append: async (key, entries) => {
        const copy = plain.copyIn(entries);
        await later(() => plain.append(key, copy));
      },
      load: (key) => later(() => plain.load(key)),
      delete: (key) => later(() => plain.delete(key)),
      listSessions: (projectKey) => later(() => plain.listSessions(projectKey)),
      listSessionSummaries: (projectKey) => later(() => plain.listSessionSummaries(projectKey)),
    };
  },
};

// A suite that cannot fail proves nothing: each break here breaks one rule, and one group must name it.
describe("the SessionStore suite", () => {
  for (const [what, change] of Object.entries(liberties)) {
    test(`finds no fault in a store that ${what}`, async () => {
      assert.equal(await faultOf(change), undefined);
    });
  }

  for (const [rule, [group, change]] of Object.entries(breaks)) {
    test(`notices a store that ${rule}`, async () => {
      assert.notEqual(await faultOf(change, group), undefined, `No test of "${group}" failed.`);
    });
  }
});

/** The title of the first test that fails, of one group or of all. */
function faultOf(change: Change, group?: string): Promise<string | undefined> {
  return firstFailure({
    group,
    declare: (runner) => claudeStoreSuite({ runner, open: async (fold) => changedStore(fold, change) }),
  });
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, reversed(field)] as const);
  return Object.fromEntries(fields.toReversed());
}
