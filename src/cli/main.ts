import { exitCodeOf, isCommanderError } from "./exit-code.ts";
import { endWithReader, tellError } from "./output.ts";
import { createProgram } from "./program.ts";

/** Runs the command that the arguments name and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader();
  try {
    await createProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    if (!isCommanderError(error)) tellError(error);
  }
}
