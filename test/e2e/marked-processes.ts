import { globSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { markName } from "./agent-task.ts";

export interface MarkedProcess {
  readonly pid: number;
  readonly command: string;
}

/** The processes that live and have a mark in their environment, but for the given ones. */
export function markedProcesses(mark: string, but: readonly number[] = []): MarkedProcess[] {
  return globSync("/proc/[0-9]*").flatMap((folder) => {
    const pid = Number(folder.slice("/proc/".length));
    if (but.includes(pid) || pid === process.pid) return [];
    const isMarked = textOf(`${folder}/environ`).split("\0").includes(`${markName}=${mark}`);
    const command = textOf(`${folder}/cmdline`).replaceAll("\0", " ").slice(0, 200);
    return isMarked && !isDead(folder) ? [{ pid, command }] : [];
  });
}

/** Those of them that are the agent's own binary, started by this host: what it forks looks like it for a moment. */
export function agentProcesses(mark: string, host = process.pid): MarkedProcess[] {
  return markedProcesses(mark).filter(
    ({ pid, command }) => command.includes("--output-format") && parentOf(pid) === host,
  );
}

/** Waits until no process has the mark. @throws when one is left after a time, and names it */
export async function allEnded(mark: string, but: readonly number[] = []): Promise<void> {
  const untilMs = Date.now() + longestMs;
  for (;;) {
    const left = markedProcesses(mark, but);
    if (left.length === 0) return;
    if (Date.now() > untilMs) throw new Error(`Processes are left: ${JSON.stringify(left)}`);
    await delay(25);
  }
}

/** Kills what a failed test has left. */
export function killMarked(mark: string): void {
  for (const { pid } of markedProcesses(mark)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

const longestMs = 10_000;

function parentOf(pid: number): number {
  const stat = textOf(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

// A process that nobody waits for stays in the table as a zombie.
function isDead(folder: string): boolean {
  const stat = textOf(`${folder}/stat`);
  return stat === "" || stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
