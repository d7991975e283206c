import assert from "node:assert/strict";
import { eventEntry, type RunEvent } from "../../core/event.ts";
import { resultOf, type Stage } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** What the provider itself has kept. */
export function historyTests({ describe, test }: AgentTests): void {
  describe("native history", () => {
    test("An agent that says it has a history gives one, and no other does.", async (stage) => {
      const { agent } = stage;
      assert.equal(agent.history !== undefined, agent.capabilities.nativeHistory);
    });

    test("Reading it changes nothing, and tells the last run the same each time.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      resultOf(played);
      if (stage.agent.history === undefined) return;
      const before = await standOf(stage);
      const first = await historyOf(stage);
      const second = await historyOf(stage);
      assert.deepEqual(second, first);
      assert.ok(
        first.some(({ type }) => type === "tool_call"),
        "The history does not tell the tool.",
      );
      for (const event of first) assert.ok(eventEntry({ run: played.run, event }).body.length > 0);
      assert.deepEqual(await standOf(stage), before);
    });
  });
}

async function historyOf(stage: Stage): Promise<RunEvent[]> {
  const { agent, world } = stage;
  const key = stage.session("s-1");
  const row = await world.store.session(key);
  const params = { session: key, signal: new AbortController().signal };
  const events: RunEvent[] = [];
  for await (const event of agent.history!({
    ...params,
    ...(row?.resumeToken == null ? {} : { resume: row.resumeToken }),
  }))
    events.push(event);
  return events;
}

/** All that reading must leave as it is. */
async function standOf(stage: Stage): Promise<unknown> {
  const { world } = stage;
  const { store } = world;
  const key = stage.session("s-1");
  const { position } = await store.changes({ after: 0, limit: 1 });
  return [
    position,
    await store.session(key),
    await store.logs(key),
    await world.marks(),
    await world.shown(key),
  ];
}
