import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** The variable that every process of an agent has in its environment. */
export const markerName = "HOLDFAST_PROCESS";

/** A process to be ended with all it has started. */
export interface Doomed {
  readonly pid: number;
  /** Absent: the process itself has ended, and only what it has started is looked for. */
  readonly started?: string;
  readonly marker?: string;
}

/** When a process was started, in its system's own words; undefined where it does not run. */
export function startOf(pid: number): string | undefined {
  return process.platform === "linux" ? linuxStartOf(pid) : tableOf(["-p", `${pid}`]).get(pid)?.started;
}

/** What has a marker in its environment, but for this process; of other systems than Linux nothing tells it. */
export function markedWith(marker: string): readonly number[] {
  return process.platform === "linux" ? markedBy([`${markerName}=${marker}`]) : [];
}

/**
 * Kills processes with all that they have started, and looks again until nothing is left, but no longer than this.
 * A tool leads a group or a session of its own: on Linux the marker in its environment finds it all the same.
 */
export async function killTrees(doomed: readonly Doomed[], mostMs = 3000): Promise<void> {
  const untilMs = Date.now() + mostMs;
  const known = new Set<number>();
  // At once, as the search takes its time: an agent whose host is gone takes that for leave to run the tool it asked about.
  for (const pid of rootsOf(doomed)) signal(pid, "SIGSTOP");
  for (;;) {
    const found = foundOf(doomed, known);
    for (const pid of found ?? []) {
      known.add(pid);
      signal(pid, "SIGKILL");
    }
    if (found?.length === 0 || Date.now() > untilMs) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Undefined where the system cannot be asked now, as where no file descriptor is left. */
function foundOf(doomed: readonly Doomed[], known: ReadonlySet<number>): readonly number[] | undefined {
  try {
    return livingOf(doomed, known);
  } catch {
    return undefined;
  }
}

function livingOf(doomed: readonly Doomed[], known: ReadonlySet<number>): number[] {
  const pids = rootsOf(doomed);
  if (process.platform !== "linux") return [...pids, ...descendantsOf([...pids, ...known])];
  const markers = doomed.flatMap(({ marker }) => (marker === undefined ? [] : `${markerName}=${marker}`));
  return [...new Set([...pids, ...markedBy(markers)])];
}

function rootsOf(doomed: readonly Doomed[]): number[] {
  const living = doomed.filter(({ pid, started }) => started !== undefined && startOf(pid) === started);
  return living.map(({ pid }) => pid);
}

function signal(pid: number, name: "SIGSTOP" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}

// In ticks since the machine was started. A zombie has ended: it only waits to be asked for.
function linuxStartOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name between the parentheses may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function markedBy(markers: readonly string[]): number[] {
  if (markers.length === 0) return [];
  return readdirSync("/proc").flatMap((name) => {
    const pid = Number(name);
    return Number.isInteger(pid) && pid !== process.pid && isMarked(pid, markers) ? [pid] : [];
  });
}

// The environment of a zombie is empty, and another user's cannot be read.
function isMarked(pid: number, markers: readonly string[]): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
    return markers.some((marker) => `\0${environment}`.includes(`\0${marker}\0`));
  } catch {
    return false;
  }
}

function descendantsOf(roots: readonly number[]): number[] {
  const children = Map.groupBy(tableOf(["-A"]).values(), ({ parent }) => parent);
  const found: number[] = [];
  const open = [...roots];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of children.get(pid) ?? []) {
      found.push(child.pid);
      open.push(child.pid);
    }
  }
  return found;
}

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly started: string;
}

function tableOf(which: readonly string[]): Map<number, Row> {
  try {
    // The words of a date are those of the language.
    const env = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
    const text = execFileSync("ps", ["-o", "pid=,ppid=,stat=,lstart=", ...which], { env, encoding: "utf8" });
    const rows = text.split("\n").flatMap((line) => {
      const [pid, parent, state, ...started] = line.trim().split(/\s+/);
      if (state === undefined || state.startsWith("Z")) return [];
      return [{ pid: Number(pid), parent: Number(parent), started: started.join(" ") }];
    });
    return new Map(rows.map((row) => [row.pid, row]));
  } catch {
    return new Map();
  }
}
