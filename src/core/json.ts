/** A JSON object's fields, none of which is known to be there. */
export type Fields = Readonly<Record<string, unknown>>;

/** The object that a text holds; undefined where it holds anything else. */
export function objectIn(text: string): Fields | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** A value as an object; undefined where it is none, or is an array. */
export function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** A value as text; undefined where it is none. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
