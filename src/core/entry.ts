import { HoldfastError } from "./errors.ts";

/** One JSON object on its way into a log. */
export interface EntryInput {
  /** The object as one line of JSON text; stored byte for byte. */
  readonly body: string;
  /** Idempotency key, unique per log: an entry whose uuid the log holds already is ignored. */
  readonly uuid?: string | undefined;
  /** When it happened, in ms, for imports and copies; default and upper bound is the store's clock. */
  readonly atMs?: number | undefined;
}

/** One stored entry: `seq` is dense from 1 in its log, `atMs` never runs backwards in its log. */
export interface Entry {
  readonly seq: number;
  readonly atMs: number;
  readonly uuid?: string;
  readonly body: string;
}

/** Refuses entries that could not be returned exactly as given. @throws invalid_entry naming the index */
export function checkEntries(entries: readonly EntryInput[]): void {
  for (let index = 0; index < entries.length; index += 1) {
    const fault = faultOf(entries[index]!);
    if (fault !== undefined) throw refused(index, fault);
  }
}

/** The UTF-16 length of a batch's bodies, the measure of a session's size. */
export function lengthOf(entries: readonly EntryInput[]): number {
  let total = 0;
  for (const entry of entries) total += entry.body.length;
  return total;
}

function faultOf({ body, uuid, atMs }: EntryInput): string | undefined {
  if (typeof body !== "string") return "has a body that is not a string";
  if (body.charCodeAt(0) !== 0x7b || body.charCodeAt(body.length - 1) !== 0x7d) return "is not a JSON object";
  if (body.includes("\n") || body.includes("\r")) return "has a body of more than one line";
  if (body.includes("\0") || !body.isWellFormed()) return "holds text that has no exact UTF-8 form";
  if (uuid !== undefined && !isUuid(uuid)) return "has a uuid that is no text of 1 to 256 characters";
  if (atMs !== undefined && !(Number.isSafeInteger(atMs) && atMs >= 0))
    return "has an atMs that is no whole number of ms";
  return undefined;
}

/** Whether a value can serve as an entry's idempotency key. */
export function isUuid(value: unknown): value is string {
  return (
    typeof value === "string" &&
    value !== "" &&
    value.length <= 256 &&
    !value.includes("\0") &&
    value.isWellFormed()
  );
}

function refused(index: number, fault: string): HoldfastError {
  return new HoldfastError({
    code: "invalid_entry",
    message: `Entry ${index} of the batch ${fault}.`,
    next: "Give each entry as one line of JSON text, such as JSON.stringify makes; nothing of the batch was stored.",
    data: { index },
  });
}
