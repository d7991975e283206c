import type { Agent } from "../core/agent.ts";
import { HoldfastError } from "../core/errors.ts";
import { shown } from "./arguments.ts";

/** The agent of a name; only its own module is loaded. @throws agent_unknown */
export async function agentNamed(name: string): Promise<Agent> {
  if (name === "scripted") return (await import("../agents/scripted/index.ts")).scriptedAgent();
  throw new HoldfastError({
    code: "agent_unknown",
    message: `There is no agent ${shown(name)}.`,
    next: "Name scripted.",
    data: { agent: name },
  });
}
