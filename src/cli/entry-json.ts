import type { Entry } from "../core/entry.ts";
import { jsonForPeople } from "./output.ts";

/** One entry as JSON text; the body goes in as it is stored, so that big numbers survive, but redacted. */
export function entryJson(entry: Entry, head: Readonly<Record<string, unknown>> = {}): string {
  const { seq, atMs, uuid, body } = entry;
  const facts = JSON.stringify({ ...head, seq, atMs, ...(uuid === undefined ? {} : { uuid }) });
  return `${facts.slice(0, -1)},"entry":${jsonForPeople(isJson(body) ? body : JSON.stringify(body))}}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
