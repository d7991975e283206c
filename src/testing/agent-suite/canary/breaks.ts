import type { Agent, AgentStep, Journal, Turn } from "../../../core/agent.ts";
import type { LiveEvent } from "../../../core/event.ts";

/** Replaces parts of an agent by ones that break a rule. */
export type Sabotage = (agent: Agent) => Partial<Agent>;

/** By the rule that is broken: the group of tests that must notice, and the break. */
export type Breaks = Readonly<Record<string, readonly [group: string, sabotage: Sabotage]>>;

/** An agent that gives other steps in the place of each. */
export function steps(change: (step: AgentStep, turn: Turn) => readonly AgentStep[]): Sabotage {
  return (agent) => ({
    async *run(turn) {
      for await (const step of agent.run(turn)) yield* change(step, turn);
    },
  });
}

/** An agent that gives other events in the place of each of a type. */
export function events<Type extends LiveEvent["type"]>(
  type: Type,
  change: (event: LiveEvent & { readonly type: Type }, turn: Turn) => readonly object[],
): Sabotage {
  return steps((step, turn) => {
    if (step.kind !== "event" || step.event.type !== type) return [step];
    const changed = change(step.event as LiveEvent & { readonly type: Type }, turn);
    return changed.map((event) => ({ kind: "event", event: event as LiveEvent }));
  });
}

/** An agent that is given another turn than the runtime's. */
export function turns(change: (turn: Turn, count: number) => Turn): Sabotage {
  let count = 0;
  return (agent) => ({ run: (turn) => agent.run(change(turn, (count += 1))) });
}

/** A journal that writes nothing down. */
export const noJournal: Journal = {
  step: async (_name, key, _effect, fn) => await fn({ key, ask: false }),
};
