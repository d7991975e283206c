import assert from "node:assert/strict";
import { describe, test } from "vitest";
import { RichWorld } from "../../../test/agents/rich-world.ts";
import { firstFailure } from "../../../test/suites/first-failure.ts";
import type { Agent } from "../../core/agent.ts";
import { Worker } from "../../runtime/worker.ts";
import type { Sabotage } from "./canary/breaks.ts";
import {
  abortBreaks,
  failureBreaks,
  historyBreaks,
  processBreaks,
  resumeBreaks,
  sessionBreaks,
} from "./canary/session-breaks.ts";
import { entryBreaks, eventBreaks, textBreaks, toolBreaks, usageBreaks } from "./canary/turn-breaks.ts";
import { agentSuite } from "./index.ts";

const breaks = {
  ...eventBreaks,
  ...entryBreaks,
  ...textBreaks,
  ...toolBreaks,
  ...usageBreaks,
  ...resumeBreaks,
  ...sessionBreaks,
  ...failureBreaks,
  ...abortBreaks,
  ...historyBreaks,
  ...processBreaks,
};

// A suite that cannot fail proves nothing: each break here breaks one rule, and one group must name it.
describe("the agent suite", () => {
  test("finds no fault in an agent that keeps every rule and has every capability", async () => {
    assert.equal(await faultOf(() => ({})), undefined);
  });

  for (const [rule, [group, sabotage]] of Object.entries(breaks)) {
    test(`notices an agent that ${rule}`, async () => {
      assert.notEqual(await faultOf(sabotage, group), undefined, `No test of "${group}" failed.`);
    });
  }
});

/** The title of the first test that fails, of one group or of all. */
function faultOf(sabotage: Sabotage, group?: string): Promise<string | undefined> {
  const open = async (): Promise<BrokenWorld> => new BrokenWorld(sabotage);
  return firstFailure({ group, declare: (runner) => agentSuite({ runner, worker: Worker, open }) });
}

class BrokenWorld extends RichWorld {
  readonly #sabotage: Sabotage;

  constructor(sabotage: Sabotage) {
    super();
    this.#sabotage = sabotage;
  }

  override start(): Agent {
    const agent = super.start();
    const replaced = this.#sabotage(agent);
    // A part that is taken away altogether is there as null.
    const parts = Object.entries({ ...agent, ...replaced }).filter(([, part]) => part !== null);
    return Object.fromEntries(parts) as unknown as Agent;
  }
}
