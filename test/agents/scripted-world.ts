import type { Agent } from "../../src/core/agent.ts";
import { objectIn } from "../../src/core/json.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/store.ts";
import { scriptedAgent } from "../../src/agents/scripted/index.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import type { AgentWorld } from "../../src/testing/agent-suite/world.ts";

/** A world for the scripted agent: its tools leave their own names, and a wait for ever can be met. */
export class ScriptedWorld implements AgentWorld {
  readonly store: Store = openMemoryStore();
  readonly #marks: string[] = [];
  #hangs = Promise.withResolvers<void>();

  readonly prompts: AgentWorld["prompts"] = {
    say: (text) => ({ text: `usage 3 5; say ${text}`, responses: 1 }),
    tool: (mark) => ({ text: `usage 1 2; tool ${mark} query; usage 3 4; say done`, responses: 2 }),
    hang: (where) => {
      this.#hangs = Promise.withResolvers();
      return { text: where === "model" ? "slow 77000" : "tool never query 77000", responses: 0 };
    },
    fail: () => ({ text: "fail The model is out of words.", responses: 0 }),
  };

  start(): Agent {
    return scriptedAgent({
      wait: async (ms, signal) => {
        if (ms < 77_000) return;
        this.#hangs.resolve();
        await aborted(signal);
      },
      tool: async ({ name }) => {
        this.#marks.push(name);
        return name;
      },
    });
  }

  async marks(): Promise<readonly string[]> {
    return [...this.#marks];
  }

  /** What its model would be shown: the newest entry with all that it goes back to. */
  async shown(session: SessionKey): Promise<string> {
    const { entries } = await this.store.read({ log: { ...session, log: "" } });
    const fields = entries.map(({ body }) => objectIn(body)!);
    const lines: string[] = [];
    let parent: unknown = fields.findLast(({ uuid }) => uuid !== undefined)?.["uuid"];
    // From the last to the first, so that a chain that is a ring comes to an end too.
    for (const { uuid, parentUuid, message } of fields.toReversed()) {
      if (uuid === undefined || uuid !== parent) continue;
      lines.unshift(JSON.stringify(message));
      parent = parentUuid;
    }
    return lines.join("\n");
  }

  async hanging(): Promise<void> {
    await this.#hangs.promise;
  }

  async close(): Promise<void> {
    await this.store.close();
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  if (signal.aborted) resolve();
  await promise;
}
