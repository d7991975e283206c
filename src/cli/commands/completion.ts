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
  if (program !== null) await write(script(verbsBelow(program, program)));
  return exitCodes.ok;
}

const scripts: ReadonlyMap<string, (verbs: readonly Verb[]) => string> = new Map([
  ["bash", bashScript],
  ["zsh", zshScript],
  ["fish", fishScript],
]);

function verbsBelow(group: Command, program: Command): Verb[] {
  return group
    .createHelp()
    .visibleCommands(group)
    .map((verb) => verbOf(verb, program));
}

function verbOf(command: Command, program: Command): Verb {
  const store = program.options.filter(({ long }) => long === "--store");
  return {
    name: command.name(),
    description: command.description(),
    takesSession: command.registeredArguments[0]?.name() === "session",
    options: [...command.options, ...store].map(({ short, long, description, required, argChoices }) => ({
      ...(short === undefined ? {} : { short }),
      long: long ?? "",
      description,
      takesValue: required,
      choices: argChoices ?? choicesOf(long ?? ""),
    })),
    verbs: verbsBelow(command, program),
  };
}

// What commander does not refuse, because it may be more than these.
function choicesOf(long: string): readonly string[] {
  if (long === "--format") return ["jsonl", "markdown"];
  if (long === "--by") return ["day", "model", "project", "session", "label:"];
  if (long === "--layout") return ["git-refs", "git-branch", "v2"];
  if (long === "--mirror") return ["none", "git-refs", "git-branch", "v2"];
  return long === "--agent" ? ["scripted", "claude"] : [];
}
