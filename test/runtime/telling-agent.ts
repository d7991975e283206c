import type { Agent, AgentStep, Turn } from "../../src/core/agent.ts";
import type { LiveEvent } from "../../src/core/event.ts";

/** What an attempt yields; one that does not end with a result is interrupted. */
export type Telling = readonly (LiveEvent | { readonly entry: object } | ((turn: Turn) => Promise<void>))[];

/** An agent that tells what it is asked to, attempt by attempt over all inputs; the last telling is repeated. */
export function tellingAgent(tellings: readonly Telling[], more: Partial<Agent> = {}): Agent {
  let attempts = 0;
  return {
    name: "telling",
    provider: "telling",
    capabilities: { resume: true, fork: false, nativeHistory: false, usage: true, partialText: false },
    async *run(turn) {
      const telling = tellings[Math.min(attempts, tellings.length - 1)]!;
      attempts += 1;
      for (const one of telling) {
        if (typeof one === "function") await one(turn);
        else
          yield "entry" in one && typeof one.entry === "object"
            ? entryStep(one.entry)
            : eventStep(one as LiveEvent);
      }
      if (telling.some((one) => "type" in one && one.type === "result")) return;
      turn.signal.throwIfAborted();
      throw new Error("the model is gone");
    },
    ...more,
  };
}

export const done = { type: "result", ok: true, text: "Done." } as const;

export function says(text: string): LiveEvent {
  return { type: "assistant", text };
}

function entryStep(entry: object): AgentStep {
  const { uuid } = entry as { readonly uuid?: string };
  const body = JSON.stringify(entry);
  return { kind: "entry", log: "", entry: uuid === undefined ? { body } : { body, uuid } };
}

function eventStep(event: LiveEvent): AgentStep {
  return { kind: "event", event };
}
