import type { Agent } from "../../core/agent.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Fold } from "../../core/store.ts";
import type { LiveProcess } from "./backend/live-process.ts";
import { loadSdk, type SdkSource } from "./backend/load-sdk.ts";
import { processesIn } from "./backend/past-runs.ts";
import type { PermissionDesk } from "./backend/permission-desk.ts";
import { remainsOf } from "./backend/process-identity.ts";
import { ProcessPool } from "./backend/process-pool.ts";
import type { ClaudeSdk } from "./backend/sdk-contract.ts";
import { checkSdkOptions, choicesOf, type ClaudeSdkOptions } from "./backend/sdk-options.ts";
import { eventsOf } from "./backend/transcript-events.ts";
import { playTurn } from "./backend/turn.ts";
import type { FoldSessionSummary } from "./contract.ts";
import { makeFold } from "./fold.ts";

/** How the backend runs the Claude Agent SDK. */
export interface ClaudeBackendOptions {
  /** The SDK's module, or what loads it; default is the installed one, loaded when it is used. */
  readonly sdk?: SdkSource;
  /** The SDK's own options, such as mcpServers, hooks, allowedTools and env: passed through. */
  readonly options?: ClaudeSdkOptions;
  /** What a session begins with that has no settings of its own yet. */
  readonly model?: string;
  readonly permissionMode?: string;
  readonly cwd?: string;
  /** How many processes live at a time; default 6. */
  readonly maxProcesses?: number;
  /** After which time without a turn a process is ended; default 300,000. */
  readonly idleMs?: number;
  /** Gives an answer in pieces before the whole; default false. */
  readonly partialText?: boolean;
  /** Asks people whether a tool may be used. */
  readonly permissions?: PermissionDesk;
}

/** The Claude Agent SDK as an agent: a warm process a session, resumed from the store wherever it runs. @throws usage */
export function claudeBackend(given: ClaudeBackendOptions = {}): Agent {
  const { maxProcesses = 6, idleMs = 300_000, partialText = false, options = {}, permissions } = given;
  checkOptions({ ...given, maxProcesses, idleMs, options });
  const pool = new ProcessPool<LiveProcess>({ maxProcesses, idleMs });
  let sdk: Promise<ClaudeSdk> | undefined;
  let foldSummary: FoldSessionSummary | undefined;
  const load = async (): Promise<ClaudeSdk> => {
    // One that is installed meanwhile is found.
    sdk ??= loadSdk(given.sdk).catch((error: unknown) => {
      sdk = undefined;
      throw error;
    });
    ({ foldSessionSummary: foldSummary } = await sdk);
    return await sdk;
  };
  const chosen = choicesOf({ ...given, options });
  const fold = ({ project, session }: SessionKey): Fold =>
    makeFold({ projectKey: project, sessionId: session }, foldSummary);
  return {
    name: "claude",
    provider: "claude-code",
    capabilities: { resume: true, fork: false, nativeHistory: false, usage: true, partialText },
    run: (turn) =>
      playTurn({ turn, pool, start: { ...chosen, permissions, load, options, partialText, fold } }),
    eventsOf,
    leftovers: async (events) =>
      processesIn(events).flatMap((process) =>
        remainsOf(process).map((pid) => ({
          pid,
          about: pid === process.pid ? "The Claude agent's process" : "Started by the Claude agent's process",
        })),
      ),
    fold,
    close: () => pool.close(),
  };
}

function checkOptions({
  maxProcesses,
  idleMs,
  options,
  permissions,
}: Required<Pick<ClaudeBackendOptions, "maxProcesses" | "idleMs" | "options">> &
  Pick<ClaudeBackendOptions, "permissions">): void {
  checkSdkOptions(options);
  if (!Number.isInteger(maxProcesses) || maxProcesses < 1)
    throw refused("maxProcesses", "a whole number from 1 on");
  if (!Number.isFinite(idleMs) || idleMs < 0) throw refused("idleMs", "a time in ms");
  if (permissions !== undefined && options["canUseTool"] !== undefined)
    throw refused("permissions", "given without options.canUseTool");
}

function refused(option: string, what: string): HoldfastError {
  return new HoldfastError({
    code: "usage",
    message: `The option ${option} of claudeBackend must be ${what}.`,
    next: "Correct it.",
    data: { option },
  });
}
