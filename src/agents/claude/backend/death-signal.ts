import { accessSync, constants } from "node:fs";

/**
 * The command that starts a program so that the kernel kills it with its host, where the system has such a command. The
 * reaper ends what the program has started, but comes a moment later: an agent whose host is gone takes a question that
 * nobody answers any more for leave to run the tool.
 */
export function withDeathSignal(program: Program): Program {
  setpriv ??= found();
  if (setpriv === "") return program;
  return { command: setpriv, args: ["--pdeathsig", "KILL", "--", program.command, ...program.args] };
}

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

let setpriv: string | undefined;

function found(): string {
  if (process.platform !== "linux") return "";
  return ["/usr/bin/setpriv", "/bin/setpriv"].find(isProgram) ?? "";
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
