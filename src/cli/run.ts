import { type ExitCode, exitCodeOf, exitCodes, isCommanderError } from "./exit-code.ts";
import { tellError } from "./output.ts";
import { createProgram } from "./program.ts";
import { type Streams, withStreams } from "./streams.ts";

/** Runs the command that the arguments name, and gives the exit code; it never throws. */
export async function run(argv: readonly string[], streams: Streams): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok;
  await withStreams(streams, async () => {
    try {
      await createProgram((ended) => (code = ended)).parseAsync(argv);
    } catch (error) {
      code = exitCodeOf(error);
      if (!isCommanderError(error)) tellError(error);
    }
  });
  return code;
}
