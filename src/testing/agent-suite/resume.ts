import assert from "node:assert/strict";
import { eventsOf, type Played, resultOf, type Stage } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** A session that goes on. */
export function resumeTests({ describe, test }: AgentTests): void {
  describe("resume", () => {
    test("A second turn of the same process sees the first.", async (stage) => {
      await saidFirst(stage);
      await seesTheFirst(stage, await stage.turn({ prompt: stage.prompts.say("second answer") }));
    });

    test("A turn of another process sees what came before, by the token that the agent gave.", async (stage) => {
      const first = await saidFirst(stage);
      const { resume } = stage.agent.capabilities;
      const token = tokensOf(first).at(-1);
      assert.equal(token !== undefined, resume, `The agent gave the token ${token}, and says ${resume}.`);
      await stage.agent.close?.();
      const agent = stage.another();
      const second = await stage.turn({ agent, prompt: stage.prompts.say("second answer") });
      assert.equal(second.resume, token);
      await seesTheFirst(stage, second);
    });

    test("A third turn sees both before it, each once, whichever process it is in.", async (stage) => {
      await saidFirst(stage);
      const agent = stage.another();
      await stage.turn({ agent, prompt: stage.prompts.say("second answer") });
      await agent.close?.();
      const third = await stage.turn({ agent: stage.another(), prompt: stage.prompts.say("third answer") });
      assert.equal(resultOf(third).text, "third answer");
      const shown = await stage.world.shown(stage.session("s-1"));
      for (const answer of ["first answer", "second answer"])
        // Once in the prompt that asked for it, once in the model's own words.
        assert.equal(shown.split(answer).length - 1, 2, `"${answer}" in what the model was shown:\n${shown}`);
    });
  });
}

async function saidFirst(stage: Stage): Promise<Played> {
  const first = await stage.turn({ prompt: stage.prompts.say("first answer") });
  assert.equal(resultOf(first).text, "first answer");
  assert.equal(first.resume, undefined);
  return first;
}

async function seesTheFirst(stage: Stage, second: Played): Promise<void> {
  assert.equal(resultOf(second).text, "second answer");
  const shown = await stage.world.shown(stage.session("s-1"));
  const [first, prompt] = [shown.indexOf("first answer"), shown.indexOf("second answer")];
  assert.ok(first >= 0 && prompt > first, `The model was shown:\n${shown}`);
}

function tokensOf(played: Played): string[] {
  return eventsOf(played).flatMap((event) => (event.type === "status" ? (event.resume ?? []) : []));
}
