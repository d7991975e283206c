import { execFile } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { promisify } from "node:util";
import type { ProcessIdentity } from "../../../core/event.ts";

/** Names a process of this machine that is running. Undefined: it has ended, or this system cannot tell it apart. */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const started = await startOf(pid);
  return started === undefined ? undefined : { pid, started, host: await thisHost() };
}

/** Whether the very process that is named is running on this machine; one of another machine or another start of it is not. */
export async function isRunning({ pid, started, host }: ProcessIdentity): Promise<boolean> {
  return host === (await thisHost()) && (await startOf(pid)) === started;
}

/** When a process was started, in its system's own words; undefined where it does not run. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform === "linux") return linuxStartOf(pid);
  try {
    const { stdout } = await run("ps", ["-o", "stat=,lstart=", "-p", `${pid}`], { env: plainEnv });
    const [state = "Z", ...started] = stdout.trim().split(/\s+/);
    return state.startsWith("Z") || started.length === 0 ? undefined : started.join(" ");
  } catch {
    return undefined;
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

let host: Promise<string> | undefined;

/** This machine since it was last started; on Linux also the space of its process ids, for a container has its own. */
function thisHost(): Promise<string> {
  return (host ??= bootOf().then((boot) => `${hostname()} ${boot}`));
}

async function bootOf(): Promise<string> {
  if (process.platform === "linux") {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  }
  const { stdout } = await run("sysctl", ["-n", "kern.boottime"], { env: plainEnv });
  return stdout.trim();
}

const run = promisify(execFile);

// The words of a date are those of the language.
const plainEnv = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
