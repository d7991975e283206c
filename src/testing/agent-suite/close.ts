import assert from "node:assert/strict";
import { resultOf } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** What an agent keeps open between turns. */
export function closeTests({ describe, test }: AgentTests): void {
  describe("close", () => {
    test("Ends all that the agent has started, also what a stopped turn left, and may be called again.", async (stage) => {
      const { world, prompts } = stage;
      resultOf(await stage.turn({ session: "s-1", prompt: prompts.tool("mark-1") }));
      resultOf(await stage.turn({ session: "s-2", prompt: prompts.say("one") }));
      const prompt = prompts.hang("tool");
      const stop = new AbortController();
      void world.hanging().then(() => stop.abort(new Error("stopped")));
      await stage.turn({
        session: "s-3",
        prompt,
        tap: { turn: (turn) => ({ ...turn, signal: AbortSignal.any([turn.signal, stop.signal]) }) },
      });
      await stage.agent.close?.();
      assert.equal((await world.processes?.()) ?? 0, 0, "A process is left.");
      await stage.agent.close?.();
    });

    test("An agent that has done nothing closes too.", async (stage) => {
      await stage.agent.close?.();
      assert.equal((await stage.world.processes?.()) ?? 0, 0);
    });
  });
}
