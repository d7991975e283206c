import type { EventFrame } from "../../../core/event.ts";
import { type Fields, textOf } from "../../../core/json.ts";

/** Whose subagent a message comes from, and the entry that holds the same where one does. */
export function frameOf(message: Fields, entry?: string): Pick<EventFrame, "parent" | "entry"> {
  const parent = textOf(message["parent_tool_use_id"]);
  return { ...(parent !== undefined && { parent }), ...(entry !== undefined && { entry }) };
}

/** A field as text; empty where it is none. */
export function textIn(fields: Fields, name: string): string {
  return textOf(fields[name]) ?? "";
}

/** A text that a timeline can bear: the middle of a long one is left out, and how much of it is said. */
export function bounded(text: string, mostCharacters = mostInText): string {
  if (text.length <= mostCharacters) return text;
  const half = Math.floor(mostCharacters / 2);
  const left = text.length - 2 * half;
  return `${text.slice(0, half)}\n… ${left} characters …\n${text.slice(-half)}`.toWellFormed();
}

/** A value as JSON keeps it, its long texts bounded; undefined where it has no JSON form. */
export function plainOf(value: unknown): unknown {
  try {
    const json = JSON.stringify(value, (_, part: unknown) =>
      typeof part === "string" ? bounded(part) : part,
    );
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}

const mostInText = 16_000;
