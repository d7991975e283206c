import type { Agent, AgentStep, Turn } from "../../core/agent.ts";
import type { SessionKey } from "../../core/ids.ts";
import { LiveProcess } from "./backend/live-process.ts";
import { loadSdk, type SdkSource } from "./backend/load-sdk.ts";
import { playTurn } from "./backend/turn.ts";

/** How the backend runs the Claude Agent SDK. */
export interface ClaudeBackendOptions {
  /** The SDK's module, or what loads it; default is the installed one, loaded when it is used. */
  readonly sdk?: SdkSource;
  /** The SDK's own options, passed through. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly model?: string;
  readonly permissionMode?: string;
  readonly cwd?: string;
  /** How many processes live at a time; default 6. */
  readonly maxProcesses?: number;
  /** After which time without a turn a process is ended; default 300,000. */
  readonly idleMs?: number;
  /** Gives an answer in pieces before the whole; default false. */
  readonly partialText?: boolean;
}

/** The Claude Agent SDK as an agent: one warm process a session, resumed from the store wherever it runs. */
export function claudeBackend(options: ClaudeBackendOptions = {}): Agent {
  const processes = new Map<string, LiveProcess>();
  return {
    name: "claude",
    provider: "claude-code",
    capabilities: {
      resume: true,
      fork: false,
      nativeHistory: false,
      usage: true,
      partialText: options.partialText ?? false,
    },
    run: (turn) => run(turn, options, processes),
    close: async () => {
      await Promise.all(Array.from(processes.values(), (live) => live.close()));
    },
  };
}

async function* run(
  turn: Turn,
  options: ClaudeBackendOptions,
  processes: Map<string, LiveProcess>,
): AsyncGenerator<AgentStep> {
  turn.signal.throwIfAborted();
  const id = idOf(turn.session);
  let live = processes.get(id);
  if (live === undefined || live.hasEnded || live.sessionId !== turn.resume) {
    await live?.close();
    live = await LiveProcess.start({ sdk: await loadSdk(options.sdk), turn, options: sdkOptions(options) });
    processes.set(id, live);
    const process = await live.identity();
    yield {
      kind: "event",
      event: { type: "status", status: "process_started", ...(process !== undefined && { process }) },
    };
    await turn.flush();
  }
  yield* playTurn(turn, live);
}

function sdkOptions({ options = {}, model, permissionMode, cwd, partialText }: ClaudeBackendOptions) {
  return {
    ...options,
    ...(model !== undefined && { model }),
    ...(permissionMode !== undefined && { permissionMode }),
    ...(cwd !== undefined && { cwd }),
    ...(partialText === true && { includePartialMessages: true }),
  };
}

function idOf({ project, session }: SessionKey): string {
  return JSON.stringify([project, session]);
}
