import { endWithReader } from "./output.ts";
import { run } from "./run.ts";

/** Runs the command that the arguments name and sets the process's exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader();
  process.exitCode = await run(argv, process);
}
