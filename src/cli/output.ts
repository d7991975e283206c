import { once } from "node:events";
import { redactJson } from "../core/redaction.ts";
import { isHoldfastError } from "../core/errors.ts";
import { harmlessJson, harmlessLine } from "./harmless.ts";

/** Writes data to stdout and waits while the reader is slower. */
export async function write(text: string): Promise<void> {
  if (text !== "" && !process.stdout.write(text)) await once(process.stdout, "drain");
}

/** Writes one JSON document, redacted, with the version of its shape. */
export async function writeJson(value: Readonly<Record<string, unknown>>): Promise<void> {
  await write(`${jsonForPeople(JSON.stringify({ schemaVersion, ...value }))}\n`);
}

/** JSON text as it may leave the store for people: redacted, and harmless to a terminal. */
export function jsonForPeople(json: string): string {
  return harmlessJson(redactJson(json));
}

/** Says one line to the person at the terminal; never data. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Tells an error in one line, with its stack only where HOLDFAST_DEBUG asks for it. */
export function tellError(error: unknown): void {
  if (process.env["HOLDFAST_DEBUG"] === "1" && error instanceof Error) say(error.stack ?? String(error));
  else if (isHoldfastError(error)) say(`holdfast: ${harmlessLine(error.message)}`);
  else say(`holdfast: ${harmlessLine(messageOf(error))} Set HOLDFAST_DEBUG=1 to see where.`);
}

/** Ends the program quietly when the reader of stdout goes away, as `head` does. */
export function endWithReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
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
