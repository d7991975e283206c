import type { Agent } from "../core/agent.ts";
import { HoldfastError } from "../core/errors.ts";
import type { ClaudeSettings } from "./agent-settings.ts";

/** The Claude backend; nothing of it is loaded before this is called. */
export async function claudeAgent(_settings: ClaudeSettings): Promise<Agent> {
  throw new HoldfastError({
    code: "sdk_missing",
    message: "The Claude backend is not part of this program.",
    next: "Use a newer one.",
  });
}
