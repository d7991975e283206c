import assert from "node:assert/strict";
import type { AgentStep } from "../../core/agent.ts";
import { eventsOf, type Played, resultOf, type Stage, type TurnParams } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** A turn that is stopped. */
export function abortTests({ describe, test, moments }: AgentTests): void {
  describe("abort", () => {
    test("A turn that is stopped before it began does nothing.", async (stage) => {
      const played = await stopped(stage, { prompt: stage.prompts.tool("mark-1"), at: () => 0 });
      assert.deepEqual(
        eventsOf(played).filter(({ type }) => type === "tool_call"),
        [],
      );
      await stage.agent.close?.();
      assert.deepEqual(await stage.world.marks(), []);
    });

    test("Behind any of its steps a turn that is stopped throws the reason and shows no result.", async (stage) => {
      const whole = await stage.turn({ session: "whole", prompt: stage.prompts.tool("mark-0") });
      resultOf(whole);
      const last = whole.steps.length - 1;
      const count = Math.min(last, moments);
      for (let moment = 1; moment <= count; moment += 1) {
        const at = Math.ceil((moment * last) / count);
        const prompt = stage.prompts.tool(`mark-${moment}`);
        await stopped(stage, { session: `s-${moment}`, prompt, at: () => at });
      }
    });

    for (const where of ["model", "tool"] as const) {
      test(`A turn that waits for a ${where} that never answers is stopped at once, and the next one goes well.`, async (stage) => {
        const played = await stopped(stage, { prompt: stage.prompts.hang(where), at: "hanging" });
        assert.ok(played.steps.length > 0, "The turn showed nothing before it was stopped.");
        await stage.giveUp(played);
        const next = await stage.turn({ prompt: stage.prompts.say("next answer") });
        const { ok, text } = resultOf(next);
        assert.deepEqual([ok, text], [true, "next answer"]);
      });
    }
  });
}

/** Plays a turn that is stopped after so many steps, or once it hangs; checks how it ended. */
async function stopped(
  stage: Stage,
  { at, ...turn }: TurnParams & { readonly at: "hanging" | (() => number) },
): Promise<Played> {
  const stop = new AbortController();
  const reason = new Error("stopped by the suite");
  const abort = (): void => stop.abort(reason);
  if (at !== "hanging" && at() === 0) abort();
  if (at === "hanging") void stage.world.hanging().then(abort);
  let isOver = false;
  const played = await stage.turn({
    ...turn,
    tap: {
      turn: (given) => ({ ...given, signal: AbortSignal.any([given.signal, stop.signal]) }),
      step: (step: AgentStep, count) => {
        if (at !== "hanging" && count === at() && !isResult(step)) abort();
        isOver ||= isResult(step);
      },
    },
  });
  // A turn of fewer steps than the one before it may have come to its end.
  if (isOver && !stop.signal.aborted) return played;
  assert.equal(played.thrown?.error, reason, `It threw ${String(played.thrown?.error)}.`);
  assert.deepEqual(
    eventsOf(played).filter(({ type }) => type === "result"),
    [],
  );
  assert.equal(played.ended.as, "interrupted", played.ended.reason);
  return played;
}

function isResult(step: AgentStep): boolean {
  return step.kind === "event" && step.event.type === "result" && step.event.parent === undefined;
}
