import { statSync } from "node:fs";
import type { Command, Option } from "commander";
import { asTyped, shown, usage } from "./arguments.ts";
import { sayError } from "./output.ts";
import { isTerminal, streams, terminalWidth } from "./streams.ts";
import { cut } from "./width.ts";

/**
 * Makes commander write to the command's streams, tell errors in one line with the next step, and refuse empty values.
 * Comes before the commands are declared, because they inherit it.
 */
export function tame(program: Command): void {
  program.exitOverride().configureOutput({
    writeOut: (text) => void streams().stdout.write(text),
    writeErr: (text) => void streams().stderr.write(text),
    getOutHelpWidth: () => terminalWidth() ?? 80,
    getErrHelpWidth: () => terminalWidth() ?? 80,
    getOutHasColors: isTerminal,
    getErrHasColors: isTerminal,
  });
  tameOne(program);
  tameBelow(program);
}

/** The commands from the program down to this one. */
export function pathOf(command: Command): readonly Command[] {
  return command.parent === null ? [command] : [...pathOf(command.parent), command];
}

/** The name that the user typed of an option that has a short one too. */
export function typedName(program: Command | null, short: string, long: string): string {
  const isLong = argumentsOf(program).some((word) => word === long || word.startsWith(`${long}=`));
  return isLong ? long : short;
}

// Only the commands that run: to do it for all of them would cost a millisecond of every start.
function tameBelow(group: Command): void {
  group.hook("preSubcommand", (_, command) => {
    tameOne(command);
    if (command.commands.length > 0) tameBelow(command);
  });
}

function tameOne(command: Command): void {
  command.configureOutput({ outputError: (text) => sayError(withNext(text, command)) });
  for (const option of command.options) if (option.required) refuseEmpty(option);
}

function withNext(text: string, command: Command): string {
  const [fault = "", hint = ""] = text
    .replace(/^error: /, "")
    .trim()
    .split("\n");
  const named = fault.replaceAll(/'([^']*)'/g, (_, name: string) => `'${shown(name)}'`);
  const name = pathOf(command)
    .map((one) => one.name())
    .join(" ");
  const next = misplaced(named, command) ?? `Run ${name} --help to see what there is.`;
  return [sentence(cut(named, 200)), hint.replace(/^\((.*)\)$/, "$1"), next]
    .filter((part) => part !== "")
    .join(" ");
}

/** What to type instead of an option that stands before its command. */
function misplaced(fault: string, group: Command): string | undefined {
  const [, option] = /^unknown option '(-[^'=]*)/.exec(fault) ?? [];
  if (group.commands.length === 0 || option === undefined) return undefined;
  const [program] = pathOf(group);
  const { verb, names, rest } = namedIn(program!, argumentsOf(program!));
  if (verb?.options.some(({ long, short }) => long === option || short === option) !== true) return undefined;
  const whole = [...names, ...rest].map(asTyped).join(" ");
  const typed = whole.length > 200 ? `${names.join(" ")} … ${option}` : whole;
  return `It belongs behind the command: type holdfast ${typed} instead.`;
}

/** The command that these words mean, with its names; the words before it come behind the others. */
function namedIn(program: Command, words: readonly string[]) {
  const names: string[] = [];
  let verb = program;
  let [before, behind]: [readonly string[], readonly string[]] = [[], words];
  while (verb.commands.length > 0) {
    const at = behind.findIndex((word) => verb.commands.some((one) => one.name() === word));
    const next = verb.commands.find((one) => one.name() === behind[at]);
    if (next === undefined) return { verb: undefined, names, rest: [] };
    names.push(next.name());
    [before, behind] = [[...before, ...behind.slice(0, at)], behind.slice(at + 1)];
    verb = next;
  }
  return { verb, names, rest: [...behind, ...before] };
}

// commander keeps them, but does not declare that it does.
function argumentsOf(program: Command | null): readonly string[] {
  return (program as { readonly rawArgs?: readonly string[] } | null)?.rawArgs?.slice(2) ?? [];
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(start) ? start : `${start}.`;
}

// An empty value is a variable that was not set. Only the main log is truly named "".
function refuseEmpty(option: Option): void {
  const name = option.long ?? option.flags;
  if (name === "--log") return;
  const { parseArg } = option;
  option.argParser((value: string, previous: unknown) => {
    if (value === "") throw usage(`${name} is empty.`, "Give it a value, or leave it out.");
    if (name === "--config-dir") checkFolder(value, name);
    return parseArg === undefined ? value : parseArg(value, previous);
  });
}

function checkFolder(path: string, option: string): void {
  if (isFolder(path)) return;
  throw usage(
    `${option} names no folder: ${shown(path)}.`,
    "Name Claude's config folder, which holds projects/.",
  );
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
