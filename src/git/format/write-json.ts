import { RawNumber, RawObject, RawSlice, type RawValue } from "./raw-json.ts";

/** An object as Go's encoder writes it: two spaces, `<`, `>` and `&` escaped, one newline at the end (specification, section 2). */
export function objectText(object: RawObject): string {
  return `${valueText(object)}\n`;
}

/** A value in the same form, without a newline at its end. */
export function valueText(value: RawValue): string {
  const pieces: string[] = [];
  append(pieces, value, "\n");
  return pieces.join("");
}

function append(pieces: string[], value: RawValue, lineStart: string): void {
  if (value instanceof RawNumber || value instanceof RawSlice) pieces.push(value.spelling);
  else if (typeof value === "string") pieces.push(quoted(value));
  else if (typeof value !== "object" || value === null) pieces.push(String(value));
  else if (value instanceof RawObject) appendObject(pieces, value, lineStart);
  else appendList(pieces, value, lineStart);
}

function appendObject(pieces: string[], { entries }: RawObject, lineStart: string): void {
  if (entries.length === 0) return void pieces.push("{}");
  const inner = `${lineStart}  `;
  entries.forEach(([key, value], index) => {
    pieces.push(index === 0 ? "{" : ",", inner, quoted(key), ": ");
    append(pieces, value, inner);
  });
  pieces.push(lineStart, "}");
}

function appendList(pieces: string[], values: readonly RawValue[], lineStart: string): void {
  if (values.length === 0) return void pieces.push("[]");
  const inner = `${lineStart}  `;
  values.forEach((value, index) => {
    pieces.push(index === 0 ? "[" : ",", inner);
    append(pieces, value, inner);
  });
  pieces.push(lineStart, "]");
}

// Halves of surrogate pairs come as escapes from JSON.stringify; Go would write U+FFFD, and lose what was there.
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(/[<>&\u2028\u2029]/g, escapeOf);
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
