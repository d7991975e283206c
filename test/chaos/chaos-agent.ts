import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { scriptedAgent, type ScriptedToolCall } from "../../src/agents/scripted/index.ts";
import type { Agent } from "../../src/core/agent.ts";
import type { Clock } from "../../src/core/clock.ts";

/** One time that a tool took effect. */
export interface Effect {
  readonly name: string;
  readonly key: string;
  readonly session: string;
  readonly owner: string;
  /** It was asked whether it was done. */
  readonly asked: boolean;
}

export interface ChaosAgentParams {
  readonly effects: string;
  readonly owner: string;
  readonly clock: Clock;
  /** Called around each effect. */
  readonly around?: (effect: () => void) => void;
}

/** The scripted agent, whose entries name their run, and whose tools leave a line for each time they took effect. */
export function chaosAgent({
  effects,
  owner,
  clock,
  around = (effect) => effect(),
}: ChaosAgentParams): Agent {
  const agent = scriptedAgent({
    clock,
    tool: async ({ name, key, ask, session }: ScriptedToolCall) => {
      // A tool of the class `query` can tell whether it was done.
      if (ask && effectsIn(effects).some((done) => done.key === key)) return `${name} was done.`;
      const effect: Effect = { name, key, session: session.session, owner, asked: ask };
      around(() => appendFileSync(effects, `${JSON.stringify(effect)}\n`));
      return `${name} is done.`;
    },
  });
  return {
    ...agent,
    async *run(turn) {
      for await (const step of agent.run(turn)) {
        if (step.kind !== "entry") yield step;
        else {
          const body = JSON.stringify({ ...(JSON.parse(step.entry.body) as object), ofRun: turn.run });
          yield { ...step, entry: { ...step.entry, body } };
        }
      }
    },
  };
}

export function effectsIn(path: string): readonly Effect[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Effect);
}

/** The run that an entry is of, by its body; undefined where it names none. */
export function runOf(body: string): string | undefined {
  const fields = JSON.parse(body) as { ofRun?: string; run?: string; holdfast?: { run?: string } };
  return fields.ofRun ?? fields.holdfast?.run ?? fields.run;
}
