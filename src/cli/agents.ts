import type { Agent } from "../core/agent.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import { AgentRegistry, type AgentRoute } from "../runtime/agent-registry.ts";
import type { LeftoversOf } from "../runtime/leftovers.ts";
import { agentSettings } from "./agent-settings.ts";
import type { ClaudeAgentParams } from "./claude-agent.ts";
import { listOf, shown, usage } from "./arguments.ts";
import { tellError } from "./output.ts";
import { type StoreOption, withNewStore } from "./store.ts";

/** The agents that the program knows, by what this machine says of them; none is loaded yet. @throws usage */
export function agentRegistry(params: ClaudeAgentParams = {}): AgentRegistry {
  const { isEnabled, routes, claude } = agentSettings();
  const scripted = {
    name: "scripted",
    load: async (): Promise<Agent> => (await import("../agents/scripted/index.ts")).scriptedAgent(),
  };
  if (!isEnabled) return new AgentRegistry({ agents: [scripted], routes: {} });
  const agents = [
    scripted,
    { name: "claude", load: async () => (await import("./claude-agent.ts")).claudeAgent(claude, params) },
  ];
  return new AgentRegistry({ agents, routes: { ...builtIn, ...routes } });
}

/** Opens the store, or makes it, for a command that lets agents work; they end before it, for it keeps what they say last. */
export async function withAgents<T>(
  registry: AgentRegistry,
  options: StoreOption,
  use: (store: Store) => Promise<T>,
): Promise<T> {
  return await withNewStore(options, async (store) => {
    try {
      return await use(store);
    } finally {
      await closeAgents(registry);
    }
  });
}

/** Ends what the agents keep open. What fails is told, and changes nothing of what the command came to. */
export async function closeAgents(registry: AgentRegistry): Promise<void> {
  await registry.close().catch(tellError);
}

/** The agent of a name. @throws agent_unknown */
export async function agentNamed(registry: AgentRegistry, name: string): Promise<Agent> {
  if (registry.names.includes(name)) return await registry.named(name);
  const isOff = name === "claude";
  throw new HoldfastError({
    code: "agent_unknown",
    message: isOff ? `The agent ${name} is switched off.` : `There is no agent ${shown(name)}.`,
    next: isOff ? switchOn : `Name ${registry.names.join(" or ")}.`,
    data: { agent: name },
  });
}

/** What serves these providers, or all that are routed. @throws usage */
export function routesFor(registry: AgentRegistry, providers: readonly string[] | undefined): AgentRoute[] {
  const known = registry.providers;
  if (known.length === 0) throw usage("The agents are switched off: nothing is served.", switchOn);
  return (providers ?? known).map((provider) => {
    const route = registry.route(provider);
    if (route !== undefined) return route;
    throw usage(
      `No agent serves the provider ${shown(provider)}.`,
      `Name ${listOf(known, known.length)}, or route it in the config file.`,
    );
  });
}

/** Asks what serves a provider for what its runs have left at work here. */
export function leftoversBy(registry: AgentRegistry): LeftoversOf {
  return async ({ provider, events }) => {
    const agent = await registry.route(provider)?.load();
    return (await agent?.leftovers?.(events)) ?? [];
  };
}

const builtIn = { "claude-code": "claude", scripted: "scripted" };
const switchOn = 'Set HOLDFAST_AGENTS=on, or "agents.enabled": true in the config file.';
