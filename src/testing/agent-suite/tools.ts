import assert from "node:assert/strict";
import { HoldfastError } from "../../core/errors.ts";
import type { LiveEvent, ToolCallEvent, ToolSummaryEvent } from "../../core/event.ts";
import { stepIn } from "../../core/steps.ts";
import { eventsOf, resultOf } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** What an agent does outside of the session. */
export function toolTests({ describe, test }: AgentTests): void {
  describe("tools", () => {
    test("Each call has one summary, behind it, and the tool was used once.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      assert.equal(resultOf(played).ok, true);
      const events = eventsOf(played);
      const calls = callsOf(events);
      assert.equal(calls.length, 1);
      for (const { call } of calls) {
        const summaries = summariesOf(events).filter((summary) => summary.call === call);
        assert.deepEqual(
          summaries.map(({ ok }) => ok),
          [true],
          `The call ${call} has another summary.`,
        );
        const [asked, told] = [events.findIndex(isCall), events.findIndex(isSummary)];
        assert.ok(asked < told, "The summary came before its call.");
      }
      assert.equal(summariesOf(events).length, calls.length, "A summary came that no call has.");
      assert.deepEqual(await stage.world.marks(), ["mark-1"]);
    });

    test("Each call is a step of the journal, under the name and the key that its event says.", async (stage) => {
      const played = await stage.turn({ prompt: stage.prompts.tool("mark-1") });
      resultOf(played);
      const journal = await stage.journal(played.input);
      for (const { name, step = "" } of callsOf(eventsOf(played))) {
        const known = stepIn(journal, { name, key: step });
        assert.equal(known?.outcome?.ok, true, `The journal has no result of the step ${name} ${step}.`);
      }
    });

    test("A tool is not started before the journal has its start.", async (stage) => {
      const played = await stage.turn({
        prompt: stage.prompts.tool("mark-1"),
        tap: { turn: (turn) => ({ ...turn, journal: { step: () => Promise.reject(refused()) } }) },
      });
      assert.equal(played.ended.as, "held", played.ended.reason);
      assert.deepEqual(
        eventsOf(played).filter(({ type }) => type === "result"),
        [],
      );
      await stage.agent.close?.();
      assert.deepEqual(await stage.world.marks(), []);
    });

    test("What was done is not done again when its run is tried again, in the same process or another.", async (stage) => {
      for (const [session, mark] of [
        ["s-1", "mark-1"],
        ["s-2", "mark-2"],
      ] as const) {
        const stop = new AbortController();
        const first = await stage.turn({
          session,
          prompt: stage.prompts.tool(mark),
          tap: {
            turn: (turn) => ({ ...turn, signal: AbortSignal.any([turn.signal, stop.signal]) }),
            step: (step) => {
              if (step.kind === "event" && isSummary(step.event)) stop.abort(new Error("stopped"));
            },
          },
        });
        assert.equal(first.ended.as, "interrupted", first.ended.reason);
        assert.deepEqual(
          (await stage.world.marks()).filter((one) => one === mark),
          [mark],
        );
        const agent = session === "s-1" ? stage.agent : stage.another();
        const [second] = await stage.run({ only: session, agent });
        assert.equal(second?.input.id, first.input.id);
        assert.equal(resultOf(second).ok, true);
        assert.deepEqual(
          (await stage.world.marks()).filter((one) => one === mark),
          [mark],
        );
      }
    });
  });
}

function callsOf(events: readonly LiveEvent[]): ToolCallEvent[] {
  return events.filter((event) => event.type === "tool_call");
}

function summariesOf(events: readonly LiveEvent[]): ToolSummaryEvent[] {
  return events.filter((event) => event.type === "tool_summary");
}

function isCall({ type }: LiveEvent): boolean {
  return type === "tool_call";
}

function isSummary({ type }: LiveEvent): boolean {
  return type === "tool_summary";
}

function refused(): HoldfastError {
  return new HoldfastError({ code: "step_unknown", message: "The journal refuses the step.", next: "" });
}
