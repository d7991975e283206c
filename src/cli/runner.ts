import type { Command } from "commander";
import { pathOf } from "./command-line.ts";
import type { ExitCode } from "./exit-code.ts";

/** Makes a command's action, which loads its module only when it runs, because start-up time is felt. */
export type Runner = <Options extends object>(
  load: () => Promise<Run<Options>>,
) => (this: Command, ...all: unknown[]) => Promise<void>;

type Run<Options> = (
  operands: readonly string[],
  options: Options,
  program: Command | null,
) => Promise<ExitCode>;

/** The maker of actions; `ended` is told the exit code of the command that ran. */
export function runner(ended: (code: ExitCode) => void): Runner {
  return <Options extends object>(load: () => Promise<Run<Options>>) =>
    async function (this: Command) {
      const run = await load();
      ended(await run(this.args, this.optsWithGlobals<Options>(), pathOf(this)[0] ?? null));
    };
}
