import type { Agent } from "../core/agent.ts";
import { HoldfastError } from "../core/errors.ts";

/** An agent by its name; it is loaded when it is used, and once. */
export interface RegisteredAgent {
  readonly name: string;
  readonly load: () => Promise<Agent>;
}

/** What serves the inputs of one provider. */
export interface AgentRoute {
  readonly provider: string;
  readonly load: () => Promise<Agent>;
}

export interface AgentRegistryParams {
  readonly agents: readonly RegisteredAgent[];
  /** The agent's name by the provider whose inputs it serves. */
  readonly routes: Readonly<Record<string, string>>;
}

/** An agent that is at hand, or that is to be loaded; one that cannot be is one that fails with the reason. */
export async function loadedAgent(agent: Agent | AgentRoute): Promise<Agent> {
  if (!("load" in agent)) return agent;
  try {
    return await agent.load();
  } catch (error) {
    const { provider } = agent;
    return { name: provider, provider, capabilities: noCapabilities, run: () => rejecting(error) };
  }
}

/** Which agent serves which provider; none is loaded before it is used. */
export class AgentRegistry {
  readonly #agents: ReadonlyMap<string, RegisteredAgent>;
  readonly #routes: ReadonlyMap<string, string>;
  readonly #loaded = new Map<string, Promise<Agent>>();

  /** @throws agent_unknown for a route to an agent that is not there */
  constructor({ agents, routes }: AgentRegistryParams) {
    this.#agents = new Map(agents.map((agent) => [agent.name, agent]));
    this.#routes = new Map(Object.entries(routes));
    for (const name of this.#routes.values()) if (!this.#agents.has(name)) throw this.#unknown(name);
  }

  get names(): readonly string[] {
    return [...this.#agents.keys()];
  }

  /** The providers whose inputs are served. */
  get providers(): readonly string[] {
    return [...this.#routes.keys()];
  }

  /** The agent of a name. @throws agent_unknown */
  async named(name: string): Promise<Agent> {
    const found = this.#agents.get(name);
    if (found === undefined) throw this.#unknown(name);
    const loaded = this.#loaded.get(name) ?? found.load();
    this.#loaded.set(name, loaded);
    try {
      return await loaded;
    } catch (error) {
      // What was missing may be there the next time.
      if (this.#loaded.get(name) === loaded) this.#loaded.delete(name);
      throw error;
    }
  }

  /** What serves a provider; undefined where nothing does. */
  route(provider: string): AgentRoute | undefined {
    const name = this.#routes.get(provider);
    return name === undefined ? undefined : { provider, load: () => this.named(name) };
  }

  /** Ends what the agents that were loaded keep open. @throws what the first of them throws that fails, behind all others */
  async close(): Promise<void> {
    const loaded = [...this.#loaded.values()];
    this.#loaded.clear();
    const ended = await Promise.allSettled(
      loaded.map(async (one) => {
        const agent = await one.catch(() => undefined);
        await agent?.close?.();
      }),
    );
    for (const one of ended) if (one.status === "rejected") throw one.reason;
  }

  #unknown(name: string): HoldfastError {
    return new HoldfastError({
      code: "agent_unknown",
      message: `There is no agent ${name}.`,
      next: `Name ${this.names.join(" or ")}.`,
      data: { agent: name },
    });
  }
}

const noCapabilities = {
  resume: false,
  fork: false,
  nativeHistory: false,
  usage: false,
  partialText: false,
};

function rejecting(error: unknown): AsyncIterable<never> {
  return { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(error) }) };
}
