import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { firstFailure } from "../../../test/suites/first-failure.ts";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { appendBreaks } from "./canary/append-breaks.ts";
import type { Sabotage } from "./canary/breaks.ts";
import { commitBreaks } from "./canary/commit-breaks.ts";
import { copyBreaks } from "./canary/copy-breaks.ts";
import { dropBreaks, feedBreaks } from "./canary/drop-breaks.ts";
import { endRunBreaks } from "./canary/end-run-breaks.ts";
import { inputBreaks } from "./canary/input-breaks.ts";
import { leaseBreaks } from "./canary/lease-breaks.ts";
import { projectionBreaks, recordBreaks, usageBreaks } from "./canary/ledger-breaks.ts";
import { readBreaks, sessionBreaks } from "./canary/read-breaks.ts";
import { requeueBreaks } from "./canary/requeue-breaks.ts";
import { stagedBreaks } from "./canary/staged-breaks.ts";
import { sweepBreaks } from "./canary/sweep-breaks.ts";
import { storeSuite } from "./index.ts";

const breaks = {
  ...appendBreaks,
  ...readBreaks,
  ...sessionBreaks,
  ...dropBreaks,
  ...feedBreaks,
  ...leaseBreaks,
  ...inputBreaks,
  ...requeueBreaks,
  ...stagedBreaks,
  ...commitBreaks,
  ...endRunBreaks,
  ...usageBreaks,
  ...projectionBreaks,
  ...recordBreaks,
  ...sweepBreaks,
  ...copyBreaks,
};

// A suite that cannot fail proves nothing: each break here breaks one rule, and one group must name it.
describe("the store suite", () => {
  test("finds no fault in a store that keeps every rule", async () => {
    assert.equal(await faultOf(() => ({})), undefined);
  });

  for (const [rule, [group, sabotage]] of Object.entries(breaks)) {
    test(`notices a store that ${rule}`, async () => {
      const fault = await faultOf(sabotage, group);
      assert.notEqual(fault, undefined, `No test of "${group}" failed.`);
    });
  }
});

/** The title of the first test that fails, of one group or of all. */
function faultOf(sabotage: Sabotage, group?: string): Promise<string | undefined> {
  return firstFailure({
    group,
    declare: (runner) =>
      storeSuite({ runner, open: async ({ clock }) => broken(openMemoryStore({ clock }), sabotage) }),
  });
}

function broken(store: Store, sabotage: Sabotage): Store {
  const replaced = sabotage(store);
  return new Proxy(store, {
    get(target, name): unknown {
      const own: unknown = Reflect.get(replaced, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
