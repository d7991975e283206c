import type { Command } from "commander";
import { usage } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write } from "../output.ts";

/** Prints a script that completes commands and options in a shell. */
export async function completion(
  [shell = ""]: readonly string[],
  _: object,
  program: Command | null,
): Promise<ExitCode> {
  const script = scripts[shell];
  if (script === undefined) throw usage(`There is no completion for ${shell}.`, "Name bash, zsh or fish.");
  await write(script((program?.commands ?? []).map(wordsOf)));
  return exitCodes.ok;
}

interface Words {
  readonly name: string;
  readonly description: string;
  readonly options: readonly { readonly flag: string; readonly description: string }[];
}

function wordsOf(command: Command): Words {
  const options = command.options.map(({ long, description }) => ({ flag: long ?? "", description }));
  return {
    name: command.name(),
    description: command.description(),
    options: [...options, { flag: "--store", description: "the store" }],
  };
}

const scripts: Readonly<Record<string, (words: readonly Words[]) => string>> = { bash, zsh, fish };

function bash(words: readonly Words[]): string {
  const cases = words.map(
    ({ name, options }) => `    ${name}) words="${options.map(({ flag }) => flag).join(" ")}" ;;`,
  );
  return `_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="${words.map(({ name }) => name).join(" ")}"
  if [ "$COMP_CWORD" -gt 1 ]; then
    case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _holdfast holdfast
`;
}

function zsh(words: readonly Words[]): string {
  const commands = words.map(({ name, description }) => `    ${quoted(`${name}:${description}`)}`);
  const cases = words.map(({ name, options }) => {
    const flags = options.map(({ flag, description }) => quoted(`${flag}[${description}]`));
    return `    ${name}) _arguments ${flags.join(" ")} '*:file:_files' ;;`;
  });
  return `#compdef holdfast
_holdfast() {
  local -a commands=(
${commands.join("\n")}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  local name="$words[2]"
  shift words; (( CURRENT -= 1 ))
  case "$name" in
${cases.join("\n")}
  esac
}
compdef _holdfast holdfast
`;
}

function fish(words: readonly Words[]): string {
  const lines = words.flatMap(({ name, description, options }) => [
    `complete -c holdfast -n __fish_use_subcommand -f -a ${name} -d ${quoted(description)}`,
    ...options.map(
      ({ flag, description: about }) =>
        `complete -c holdfast -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)} -d ${quoted(about)}`,
    ),
  ]);
  return `${lines.join("\n")}\n`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "")}'`;
}
