import assert from "node:assert/strict";
import type { LiveEvent } from "../../core/event.ts";
import { eventsOf, resultOf } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** An answer that comes in pieces. */
export function textTests({ describe, test }: AgentTests): void {
  describe("partial text", () => {
    test("The pieces of an answer add up to the whole, which comes behind them.", async (stage) => {
      const { partialText } = stage.agent.capabilities;
      const text = Array.from({ length: 2000 }, (_, index) => `word-${index}`).join(" ");
      const played = await stage.turn({ prompt: stage.prompts.say(text) });
      assert.equal(resultOf(played).text, text);
      const pieces = new Map<string, string>();
      let count = 0;
      for (const event of eventsOf(played)) {
        if (event.type !== "assistant" && event.type !== "thinking") continue;
        const before = pieces.get(event.type) ?? "";
        if (event.partial) {
          count += 1;
          pieces.set(event.type, before + event.text);
        } else {
          if (before !== "") assert.equal(before, event.text, "The pieces are not the whole.");
          pieces.delete(event.type);
        }
      }
      assert.deepEqual([...pieces], [], "Pieces came that no whole has given again.");
      assert.equal(count > 0, partialText, `${count} pieces came, and the agent says ${partialText}.`);
    });

    test("No tool is called by a piece, and no piece is the result.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      resultOf(played);
      const partial = eventsOf(played).filter((event) => "partial" in event) as LiveEvent[];
      for (const { type } of partial) assert.ok(type === "assistant" || type === "thinking", type);
    });
  });
}
