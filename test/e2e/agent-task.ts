import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { claudeBackend } from "../../src/claude.ts";
import { HoldfastError, openStore, type Store } from "../../src/index.ts";
import type { Agent } from "../../src/runtime.ts";
import { agentEnvironment } from "./agent-environment.ts";
import { loadSdk, type Sdk, type Version } from "./sdk.ts";

/** What a worker of the real agent is made of; plain JSON, so that a process of its own can be given it. */
export interface AgentTask {
  readonly version: Version;
  readonly storeUrl: string;
  readonly modelUrl: string;
  /** Holds what the agent writes for itself: a folder of its own is another machine. */
  readonly home: string;
  readonly cwd: string;
  /** In the environment of every process that the worker starts, and of those below them. */
  readonly mark: string;
  readonly owner?: string;
  readonly leaseMs?: number;
  /** Before the store's time: leases of workers that are dead have run out by it. */
  readonly aheadMs?: number;
  readonly maxRuns?: number;
  readonly maxProcesses?: number;
  readonly idleMs?: number;
  readonly partialText?: boolean;
  /** How long each append takes beside the store's own time. */
  readonly appendMs?: number;
  /** How many commits are refused. */
  readonly refusals?: number;
  /** The process stops itself, as by SIGSTOP, at the first event of this type: never while it holds the store's lock. */
  readonly pauseAt?: string;
}

/** The store of a task, with its faults. */
export async function openTaskStore(task: AgentTask): Promise<Store> {
  const { storeUrl, aheadMs = 0, appendMs = 0 } = task;
  const store = await openStore(storeUrl, { clock: { now: () => Date.now() + aheadMs } });
  let refusals = task.refusals ?? 0;
  return new Proxy(store, {
    get: (target, name: keyof Store) => {
      if (name === "append" && appendMs > 0)
        return async (params: Parameters<Store["append"]>[0]) => {
          await delay(appendMs);
          return await target.append(params);
        };
      if (name === "commit" && refusals > 0)
        return async () => {
          refusals -= 1;
          throw refused();
        };
      const value: unknown = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function refused(): HoldfastError {
  return new HoldfastError({ code: "store_full", message: "The store takes no commit.", next: "Wait." });
}

/** The real agent. */
export async function agentOf(task: AgentTask): Promise<Agent> {
  return agentOn(await loadSdk(task.version), task);
}

/** The real agent on an SDK that may be one that a test looks through. */
export function agentOn(sdk: Sdk, task: AgentTask): Agent {
  const { cwd, maxProcesses, idleMs, partialText } = task;
  return claudeBackend({
    sdk: sdk as never,
    cwd,
    permissionMode: "bypassPermissions",
    options: { env: environmentOf(task), settingSources: [], allowDangerouslySkipPermissions: true },
    ...(maxProcesses === undefined ? {} : { maxProcesses }),
    ...(idleMs === undefined ? {} : { idleMs }),
    ...(partialText === undefined ? {} : { partialText }),
  });
}

/** Nothing is inherited, and nothing but loopback is asked. */
function environmentOf({ home, mark, modelUrl }: AgentTask): Record<string, string> {
  const [configDir, temporary] = [join(home, "config"), join(home, "tmp")];
  for (const folder of [configDir, temporary]) mkdirSync(folder, { recursive: true });
  return { ...agentEnvironment({ modelUrl, configDir, temporary }), [markName]: mark };
}

export const markName = "HOLDFAST_E2E_MARK";
export const provider = "claude-code";
