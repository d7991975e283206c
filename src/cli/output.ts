import { once } from "node:events";
import { redactJson, redactText } from "../core/redaction.ts";
import { isHoldfastError } from "../core/errors.ts";
import { harmless, harmlessJson, harmlessLine } from "./harmless.ts";
import { isTerminal, streams } from "./streams.ts";

/** Writes data to stdout and waits while the reader is slower. */
export async function write(text: string): Promise<void> {
  const { stdout } = streams();
  if (text !== "" && !stdout.write(text)) await once(stdout, "drain");
}

/** Writes one JSON document, redacted, with the version of its shape. */
export async function writeJson(value: Readonly<Record<string, unknown>>): Promise<void> {
  await write(`${jsonForPeople(JSON.stringify({ schemaVersion, ...value }))}\n`);
}

/** JSON text as it may leave the store for people: redacted, and harmless to a terminal. */
export function jsonForPeople(json: string): string {
  return harmlessJson(redactJson(json));
}

/** Writes JSON text as it is stored, byte for byte; on a terminal the same values, but harmless to it. */
export async function writeStored(json: string): Promise<void> {
  await write(isTerminal() ? harmlessJson(json) : json);
}

/** Says one line to the person at the terminal; never data. */
export function say(line: string): void {
  streams().stderr.write(`${line}\n`);
}

/** Tells an error in one line, with its stack only where HOLDFAST_DEBUG asks for it. */
export function tellError(error: unknown): void {
  if (process.env["HOLDFAST_DEBUG"] === "1" && error instanceof Error)
    say(harmless(error.stack ?? String(error)));
  else if (isHoldfastError(error)) sayError(error.message);
  else sayError(`${messageOf(error)} Set HOLDFAST_DEBUG=1 to see where.`);
}

/** Says what went wrong, in one line. */
export function sayError(message: string): void {
  say(`holdfast: ${harmlessLine(redactText(message))}`);
}

/** Ends the program quietly when the reader of stdout goes away, as `head` does. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    sayError(`The output cannot be written: ${error.message}. Write it somewhere else.`);
    process.exit(1);
  });
  // Nobody is left to be told when stderr breaks.
  process.stderr.on("error", () => {});
}

/** Version of every `--json` shape. */
export const schemaVersion = 1;

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
