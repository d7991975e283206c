import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { mapSdkMessage } from "../../src/agents/claude/backend/sdk-message.ts";
import { ToolSteps } from "../../src/agents/claude/backend/tool-steps.ts";
import type { Journal, Turn } from "../../src/core/agent.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import { Bench } from "./bench.ts";
import { unionOf } from "./sdk-union.ts";
import { versions } from "./sdk.ts";

describe.each(versions)("every message that SDK %s declares", (version) => {
  const union = unionOf(version);

  test("is found in its declarations", () => {
    expect(union.length).toBeGreaterThan(30);
    expect(union).toContainEqual({ name: "SDKPartialAssistantMessage", type: "stream_event" });
  });

  // A new one fails here until somebody has decided what people see of it.
  test.each(union)("is told as was decided: $name $subtype", ({ name: _, ...message }) => {
    const texts = mapSdkMessage(message).map((event) => (event.type === "notice" ? event.text : ""));
    expect(texts.filter((text) => text.startsWith("The agent sent"))).toEqual([]);
  });
});

describe.each(versions)("the tools of SDK %s", (version) => {
  test("are started once their start is journaled, and ended with what came of them, subagents' too", async () => {
    await using bench = await Bench.open({ version, url: "memory:" });
    const journal = new SlowJournal();
    const steps = stepsOn(journal);
    const prompts = ["PAR 3", "BASH exit 3", "AGENT BASH echo sub"];
    const { messages } = await bench.say(prompts, { hooks: steps.hooks() });
    const events = messages.flatMap(mapSdkMessage);
    for (const event of events) steps.seen(event);
    await steps.settle();
    const calls = events.flatMap((event) => (event.type === "tool_call" ? [event.call] : []));
    expect(calls).toHaveLength(6);
    expect([...journal.lines].map(([call, lines]) => [call, lines.length])).toEqual(
      expect.arrayContaining(calls.map((call) => [call, 2])),
    );
    const ends = calls.map((call) => journal.lines.get(call)!.at(-1)!);
    expect(ends.slice(0, 4)).toEqual(["part 1", "part 2", "part 3", expect.stringContaining("Exit code 3")]);
    expect(ends.at(-1)).toBe("sub");
  });

  test("are not run where the lease is lost", async () => {
    await using bench = await Bench.open({ version, url: "memory:" });
    const lost = new HoldfastError({ code: "lease_lost", message: "The lease is lost.", next: "Stop." });
    const steps = stepsOn({ step: () => Promise.reject(lost) });
    const { messages } = await bench.say("BASH touch <cwd>/ran", { hooks: steps.hooks() });
    expect(existsSync(join(bench.cwd, "ran"))).toBe(false);
    const summaries = messages.flatMap(mapSdkMessage).filter(({ type }) => type === "tool_summary");
    expect(summaries).toMatchObject([
      { ok: false, text: expect.stringContaining("The lease is lost.") as string },
    ]);
  });
});

function stepsOn(journal: Journal): ToolSteps {
  const turn = { journal, signal: new AbortController().signal } as Turn;
  return new ToolSteps({ turn: () => turn });
}

/** Takes its time before each start, and keeps what is written of each call in order. */
class SlowJournal implements Journal {
  readonly lines = new Map<string, string[]>();

  async step<Value>(...[, key, , fn]: Parameters<Journal["step"]>): Promise<Value> {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const lines = ["started"];
    this.lines.set(key, lines);
    try {
      const value = (await fn({ key, ask: false })) as Value;
      lines.push(String(value));
      return value;
    } catch (error) {
      lines.push((error as Error).message);
      throw error;
    }
  }
}
