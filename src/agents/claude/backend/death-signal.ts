import { spawnSync } from "node:child_process";

/**
 * The command that starts a program so that the kernel kills it with its host, where the system has such a command. The
 * reaper ends what the program has started, but comes a moment later: an agent whose host is gone takes a question that
 * nobody answers any more for leave to run the tool.
 */
export function withDeathSignal(program: Program, places: readonly string[] = usualPlaces): Program {
  const setpriv = setprivIn(places);
  if (setpriv === undefined) return program;
  return { command: setpriv, args: [...dying, program.command, ...program.args] };
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

const usualPlaces = process.platform === "linux" ? ["/usr/bin/setpriv", "/bin/setpriv"] : [];
const dying = ["--pdeathsig", "KILL", "--"];

function setprivIn(places: readonly string[]): string | undefined {
  return places.find((path) => {
    const known = works.get(path) ?? isWorking(path);
    works.set(path, known);
    return known;
  });
}

const works = new Map<string, boolean>();

// That of util-linux before 2.33 and of BusyBox does not know the option, and no agent would ever start.
function isWorking(path: string): boolean {
  return spawnSync(path, [...dying, "true"], { stdio: "ignore", timeout: longestProbeMs }).status === 0;
}

const longestProbeMs = 5000;
