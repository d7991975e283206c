import type { Agent, AgentStep, Turn } from "../core/agent.ts";
import { claudeBackend } from "../agents/claude/backend.ts";
import { loadSdk } from "../agents/claude/backend/load-sdk.ts";
import {
  type PermissionAnswer,
  permissionDesk,
  type PermissionHandler,
} from "../agents/claude/backend/permission-desk.ts";
import type { ClaudeSettings } from "./agent-settings.ts";

/** Answers the agent's questions whether a tool may be used. */
export interface PermissionAsker {
  readonly ask: (...asked: Parameters<PermissionHandler>) => Promise<PermissionAnswer>;
  /** How long a question waits; then it is answered no. */
  readonly timeoutMs: number;
}

/** Finds out whether the Claude Agent SDK is there, for who would rather not ask than wait for it. @throws sdk_missing */
export async function checkClaude(): Promise<void> {
  await loadSdk();
}

export interface ClaudeAgentParams {
  readonly asker?: PermissionAsker | undefined;
  /** Whoever started the program has asked for no questions. */
  readonly allowsBypass?: boolean;
}

/** The Claude backend by what this machine says of it. Only what uses it imports this. */
export function claudeAgent(
  settings: ClaudeSettings,
  { asker, allowsBypass }: ClaudeAgentParams = {},
): Agent {
  const desk = permissionDesk(asker && { timeoutMs: asker.timeoutMs });
  const options = allowsBypass === true ? { allowDangerouslySkipPermissions: true } : {};
  const agent = claudeBackend({ ...settings, permissions: desk, options });
  if (asker === undefined) return agent;
  return {
    ...agent,
    async *run(turn: Turn): AsyncGenerator<AgentStep> {
      const detach = desk.attach(turn.session, asker.ask);
      try {
        yield* agent.run(turn);
      } finally {
        detach();
      }
    },
  };
}
