import assert from "node:assert/strict";
import { eventsOf, resultOf } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** What people see of a turn. */
export function eventTests({ describe, test }: AgentTests): void {
  describe("events", () => {
    test("A turn shows the prompt, then the answer, and last of all one result that says the same.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.say("a word of the model") });
      const { ok, text } = resultOf(played);
      assert.deepEqual([ok, text], [true, "a word of the model"]);
      assert.equal(played.steps.length, played.steps.findIndex(isResult) + 1, "It went on after its result.");
      const said = eventsOf(played).filter((event) => event.type === "user" || isWhole(event));
      const [prompt, answer] = [stage.prompts.say("a word of the model").text, "a word of the model"];
      assert.deepEqual(
        said.map((event) => [event.type, "text" in event ? event.text : undefined]),
        [
          ["user", prompt],
          ["assistant", answer],
        ],
      );
    });

    test("What was shown is what is kept, in the same order.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      const { ok } = resultOf(played);
      const stored = await stage.stored(played);
      const names = stored.map(({ type }) => type);
      assert.deepEqual(
        names,
        eventsOf(played).map(({ type }) => type),
      );
      assert.deepEqual(
        played.told.map(({ type }) => type),
        names,
      );
      assert.deepEqual([names.at(-1), ok], ["result", true]);
    });

    test("What happens now is never marked as replayed, in a later turn neither.", async (stage) => {
      for (const text of ["one", "two"]) {
        const played = await stage.turn({ prompt: stage.prompts.say(text) });
        resultOf(played);
        for (const event of eventsOf(played)) assert.equal(event.replayed, undefined, event.type);
      }
    });

    test("A second turn shows nothing of the first.", async (stage) => {
      await stage.turn({ prompt: stage.prompts.say("first answer") });
      const second = await stage.turn({ prompt: stage.prompts.say("second answer") });
      assert.equal(resultOf(second).text, "second answer");
      for (const event of eventsOf(second))
        assert.ok(!JSON.stringify(event).includes("first answer"), `The ${event.type} is the first turn's.`);
    });
  });
}

function isResult(step: { readonly kind: string; readonly event?: { readonly type: string } }): boolean {
  return step.event?.type === "result";
}

function isWhole(event: { readonly type: string; readonly partial?: true }): boolean {
  return event.type === "assistant" && event.partial === undefined;
}
