import assert from "node:assert/strict";
import { eventsOf, resultOf } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** A model that fails. */
export function failureTests({ describe, test }: AgentTests): void {
  describe("failures", () => {
    test("An error of the model is a failed result that says why, and no crash of the run.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.fail() });
      assert.equal(played.thrown, undefined, String(played.thrown?.error));
      const result = resultOf(played);
      assert.equal(result.ok, false);
      assert.notEqual(result.text, "");
      assert.deepEqual(eventsOf(played).at(-1), result);
    });

    test("The turn behind a failed one goes well.", async (stage) => {
      await stage.turn({ prompt: stage.prompts.fail() });
      const played = await stage.turn({ prompt: stage.prompts.say("well again") });
      const { ok, text } = resultOf(played);
      assert.deepEqual([ok, text], [true, "well again"]);
    });
  });
}
