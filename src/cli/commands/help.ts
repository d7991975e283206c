import type { Command } from "commander";
import { shown, usage } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";

/** Explains the program, or one command of it. */
export async function help([name]: readonly string[], _: object, program: Command | null): Promise<ExitCode> {
  const command =
    name === undefined ? program : program?.commands.find((candidate) => candidate.name() === name);
  if (command == null)
    throw usage(`There is no command ${shown(name ?? "")}.`, "Run holdfast --help to see all.");
  command.outputHelp();
  return exitCodes.ok;
}
