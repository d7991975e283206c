import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Bench } from "./bench.ts";
import type { HostTask } from "./host.ts";

/** A process that runs the SDK, and below it the agent's own. */
export interface Host {
  /** The agents that the host has started, by process id. */
  agents(): number[];
  /** SIGKILLs the host alone: its agents live on. */
  kill(): Promise<void>;
}

/** Starts a process that says one thing to the agent, with its temporary files below the bench's folder. */
export function startHost(bench: Bench, task: Pick<HostTask, "prompt" | "options">): Host {
  const { version, folder, cwd } = bench;
  const whole: HostTask = {
    ...task,
    version,
    folder,
    cwd,
    modelUrl: bench.model.url,
    storeUrl: bench.store.url,
  };
  const child = spawn(process.execPath, [join(import.meta.dirname, "host.ts"), JSON.stringify(whole)], {
    env: { ...process.env, TMPDIR: folder, NODE_OPTIONS: "--disable-warning=ExperimentalWarning" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  return { agents: () => childrenOf(child.pid!), kill: () => killed(child) };
}

/** Ends a process that the test knows to be its own. */
export function killProcess(pid: number): void {
  if (isRunning(pid)) process.kill(pid, "SIGKILL");
}

/** Waits until a process that is no child of ours has ended by itself. */
export async function ended(pid: number): Promise<void> {
  const untilMs = Date.now() + longestMs;
  while (isRunning(pid)) {
    if (Date.now() > untilMs) throw new Error(`Process ${pid} has not ended within ${longestMs} ms.`);
    await delay(50);
  }
}

const longestMs = 60_000;

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error("The host had ended before it was killed.");
  const closed = once(child, "exit");
  child.kill("SIGKILL");
  await closed;
}

function childrenOf(parent: number): number[] {
  return globSync("/proc/[0-9]*/stat").flatMap((path) => {
    const stat = statOf(path);
    return stat?.parent === parent ? [stat.pid] : [];
  });
}

// A process that nobody waits for stays in the table as a zombie.
function isRunning(pid: number): boolean {
  const stat = statOf(`/proc/${pid}/stat`);
  return stat !== undefined && stat.state !== "Z";
}

function statOf(path: string): { pid: number; state: string; parent: number } | undefined {
  try {
    // The name between the parentheses may hold anything.
    const [, pid, state, parent] = /^(\d+) \(.*\) (\S) (\d+) /s.exec(readFileSync(path, "utf8")) ?? [];
    return { pid: Number(pid), state: state!, parent: Number(parent) };
  } catch {
    return undefined;
  }
}
