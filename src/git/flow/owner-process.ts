import { readFileSync } from "node:fs";

/**
 * The agent's process, by the one that called this hook: the first that is no shell. With the time of its start, in the
 * kernel's own count, because numbers are used again; undefined where the system does not tell.
 */
export function ownerProcess(parent: number): string | undefined {
  for (let pid = parent, steps = 0; pid > 1 && steps < 8; steps += 1) {
    const stat = statOf(pid);
    if (stat === undefined) return undefined;
    if (!shells.has(stat.name)) return `${pid}:${stat.start}`;
    pid = stat.parent;
  }
  return undefined;
}

const shells: ReadonlySet<string> = new Set(["sh", "bash", "dash", "zsh", "fish", "ksh", "env"]);

function statOf(pid: number) {
  try {
    // The name stands in brackets and may hold any character.
    const [, name = "", rest = ""] =
      /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "latin1")) ?? [];
    const fields = rest.trim().split(" ");
    return { name, parent: Number(fields[1]), start: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}
