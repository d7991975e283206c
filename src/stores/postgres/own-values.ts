import type { Value } from "./client.ts";

/**
 * Values as the server can keep them. A NUL has no place in its texts: in a title or a reason it becomes what half a
 * surrogate pair becomes in every store, because a run must end whatever its error says. Keys never hold one, and bodies
 * are JSON, which holds it escaped.
 */
export function ownValues(values: readonly Value[]): Value[] {
  return values.map((value) => (typeof value === "string" ? withoutNul(value) : value));
}

/** The same as JSON; half a surrogate pair is one there that the server refuses. */
export function ownJson(value: object): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? ownText(part) : part));
}

/** The same for an object whose names are the caller's too. */
export function ownNamedJson(value: Readonly<Record<string, unknown>>): string {
  return ownJson(Object.fromEntries(Object.entries(value).map(([name, part]) => [ownText(name), part])));
}

function ownText(text: string): string {
  return withoutNul(text).toWellFormed();
}

function withoutNul(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\u{fffd}") : text;
}
