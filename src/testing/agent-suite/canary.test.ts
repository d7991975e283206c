import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { describe, test } from "vitest";
import { RichWorld } from "../../../test/agents/rich-world.ts";
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
async function faultOf(sabotage: Sabotage, group?: string): Promise<string | undefined> {
  const recorded: { readonly title: string; readonly body: () => Promise<void> }[] = [];
  let current = "";
  agentSuite({
    runner: {
      describe: (title, body) => {
        current = title;
        body();
      },
      test: (title, body) => {
        if (group === undefined || current === group) recorded.push({ title, body });
      },
    },
    worker: Worker,
    open: async () => new BrokenWorld(sabotage),
  });
  assert.ok(recorded.length > 0, `There is no group "${group}".`);
  for (const { title, body } of recorded)
    if (await fails(body, group === undefined ? 25_000 : 3000)) return title;
  return undefined;
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

// An agent that hears no signal waits for ever, so a test that hangs counts as one that fails.
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
  const failed = await Promise.race([outcome, late]);
  controller.abort();
  return failed;
}
