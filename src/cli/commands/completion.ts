import type { Command } from "commander";
import { shown, usage } from "../arguments.ts";
import { bashScript, fishScript, type Verb, zshScript } from "../completion-scripts.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write } from "../output.ts";

/** Prints a script that completes commands, options and sessions in a shell. */
export async function completion(
  [shell = ""]: readonly string[],
  _: object,
  program: Command | null,
): Promise<ExitCode> {
  const script = scripts.get(shell);
  if (script === undefined)
    throw usage(`There is no completion for ${shown(shell)}.`, "Name bash, zsh or fish.");
  if (program !== null)
    await write(
      script(
        program
          .createHelp()
          .visibleCommands(program)
          .map((verb) => verbOf(verb, program)),
      ),
    );
  return exitCodes.ok;
}

const scripts: ReadonlyMap<string, (verbs: readonly Verb[]) => string> = new Map([
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
]);

function verbOf(command: Command, program: Command): Verb {
  const store = program.options.filter(({ long }) => long === "--store");
  return {
    name: command.name(),
    description: command.description(),
    takesSession: command.registeredArguments[0]?.name() === "session",
    options: [...command.options, ...store].map(({ short, long, description, required }) => ({
      ...(short === undefined ? {} : { short }),
      long: long ?? "",
      description,
      takesValue: required,
    })),
  };
}
