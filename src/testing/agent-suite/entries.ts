import assert from "node:assert/strict";
import { entriesOf, eventsOf, type Played, resultOf } from "./stage.ts";
import type { Stage } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** What is kept of a turn in the session's logs. */
export function entryTests({ describe, test }: AgentTests): void {
  describe("entries", () => {
    test("A turn is kept in the main log as it was given, byte for byte.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      resultOf(played);
      const given = firstOfEach(entriesOf(played).filter(({ log }) => log === ""));
      assert.ok(given.length > 0, "The turn left nothing in the session's log.");
      const stored = (await stage.entries("s-1")).map(({ body }) => body);
      assert.deepEqual(stored, given);
    });

    test("An entry that is given again has the same uuid and the same bytes.", async (stage) => {
      const given = await twoTurns(stage);
      const bodies = new Map<string, string>();
      for (const { log, entry } of given) {
        if (entry.uuid === undefined) continue;
        const id = JSON.stringify([log, entry.uuid]);
        assert.equal(entry.body, bodies.get(id) ?? entry.body, `Two entries have the uuid ${entry.uuid}.`);
        bodies.set(id, entry.body);
      }
      const named = given.filter(({ log, entry }) => log === "" && entry.uuid !== undefined);
      assert.ok(named.length > 0, "No entry can be told from another.");
    });

    test("An event that names an entry names one of its own run.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      const uuids = new Set(entriesOf(played).map(({ entry }) => entry.uuid));
      for (const { type, entry } of eventsOf(played))
        if (entry !== undefined) assert.ok(uuids.has(entry), `The ${type} names ${entry}, which is nowhere.`);
    });

    test("A transcript tells the events that were given beside it, and what cannot be read tells nothing.", async (stage) => {
      const { agent } = stage;
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      if (agent.eventsOf === undefined) return;
      const bodies = (await stage.entries("s-1")).map(({ body }) => body);
      const told = agent.eventsOf(bodies);
      assert.deepEqual(agent.eventsOf(["", "no JSON", ...bodies, "[]", "{}"]), told);
      const shown = eventsOf(played).filter(({ type, entry }) => entry !== undefined && type !== "usage");
      for (const event of shown) {
        const same = told.find(({ type, entry }) => type === event.type && entry === event.entry);
        assert.ok(same !== undefined, `The transcript does not tell the ${event.type} of ${event.entry}.`);
      }
    });
  });
}

async function twoTurns(stage: Stage): Promise<ReturnType<typeof entriesOf>> {
  const played: Played[] = [];
  for (const mark of ["mark-1", "mark-2"])
    played.push(await stage.turn({ prompt: stage.prompts.tool(mark) }));
  return played.flatMap((one) => entriesOf(one));
}

/** Without what was given again. */
function firstOfEach(given: ReturnType<typeof entriesOf>): string[] {
  const uuids = new Set<string>();
  return given.flatMap(({ entry: { uuid, body } }) => {
    if (uuid === undefined) return [body];
    return uuids.size === uuids.add(uuid).size ? [] : [body];
  });
}
