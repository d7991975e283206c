import type { Command } from "commander";
import { shown, usage } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";

/** Explains the program, one command of it, or a part of one. */
export async function help(names: readonly string[], _: object, program: Command | null): Promise<ExitCode> {
  let command = program;
  for (const name of names) {
    const found = command?.commands.find((candidate) => candidate.name() === name);
    if (found === undefined)
      throw usage(`There is no command ${shown(names.join(" "))}.`, "Run holdfast --help to see all.");
    command = found;
  }
  command?.outputHelp();
  return exitCodes.ok;
}
