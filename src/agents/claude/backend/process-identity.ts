import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { ProcessIdentity } from "../../../core/event.ts";
import { markedWith, startOf } from "./process-table.ts";

/** Names a process of this machine that is running. Undefined: it has ended, or this system cannot tell it apart. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const started = startOf(pid);
  const host = thisHost();
  return started === undefined || host === undefined ? undefined : { pid, started, host };
}

/** Whether the very process that is named runs on this machine; one of another machine or another start of it does not. */
export function isRunning({ pid, started, host }: ProcessIdentity): boolean {
  return host === thisHost() && startOf(pid) === started;
}

/** What is at work on this machine of a process: itself, or, where that has ended, what it has started. */
export function remainsOf(identity: ProcessIdentity): readonly number[] {
  const { pid, host, marker } = identity;
  if (isRunning(identity)) return [pid];
  return host === thisHost() && marker !== undefined ? markedWith(marker) : [];
}

let known: { readonly host: string | undefined } | undefined;

/** This machine since it was last started; on Linux also the space of its process ids, for a container has its own. */
function thisHost(): string | undefined {
  known ??= { host: hostNow() };
  return known.host;
}

function hostNow(): string | undefined {
  try {
    return `${hostname()} ${process.platform === "linux" ? linuxBoot() : boot()}`;
  } catch {
    return undefined;
  }
}

function linuxBoot(): string {
  const id = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return `${id} ${readlinkSync("/proc/self/ns/pid")}`;
}

function boot(): string {
  return execFileSync("sysctl", ["-n", "kern.boottime"], { encoding: "utf8" }).trim();
}
