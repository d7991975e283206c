import assert from "node:assert/strict";
import type { UsageEvent } from "../../core/event.ts";
import { eventsOf, type Played, resultOf, type Stage } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** What the responses of the model used. */
export function usageTests({ describe, test }: AgentTests): void {
  describe("usage", () => {
    test("Each response has one key, and is counted once in the ledger, over more than one turn.", async (stage) => {
      const { usage } = stage.agent.capabilities;
      let [responses, output] = [0, 0];
      for (const prompt of [stage.prompts.tool("mark-1"), stage.prompts.say("two")]) {
        const played = await stage.turn({ prompt });
        resultOf(played);
        const told = new Map<string, number>();
        for (const { key, tokens } of usageOf(played)) {
          const before = told.get(key) ?? -1;
          // While it is streamed it may be told again, with more.
          assert.ok(tokens.output > before, `The response ${key} was told twice.`);
          told.set(key, tokens.output);
        }
        assert.equal(told.size, usage ? prompt.responses : 0);
        responses += told.size;
        for (const tokens of told.values()) output += tokens;
        assert.deepEqual(await ledger(stage), { responses, output });
      }
      assert.equal(output > 0, usage);
    });

    test("Two responses of two sessions are two.", async (stage) => {
      const { usage } = stage.agent.capabilities;
      const prompt = stage.prompts.say("the same");
      const played = [];
      for (const session of ["s-1", "s-2"]) played.push(await stage.turn({ session, prompt }));
      const keys = new Set(played.flatMap((one) => usageOf(one)).map(({ key }) => key));
      assert.equal(keys.size, usage ? 2 * prompt.responses : 0);
    });
  });
}

function usageOf(played: Played): UsageEvent[] {
  return eventsOf(played).filter((event) => event.type === "usage");
}

async function ledger({ world }: Stage): Promise<{ readonly responses: number; readonly output: number }> {
  const [group] = await world.store.usage({ by: "project", project: "suite" });
  return { responses: group?.responses ?? 0, output: group?.tokens.output ?? 0 };
}
