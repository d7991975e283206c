import type { Value } from "./client.ts";

/**
 * Values as the server can keep them. A NUL has no place in its texts: in a title or a reason it becomes what half a
 * surrogate pair becomes in every store, because a run must end whatever its error says. Keys never hold one, and bodies
 * are JSON, which holds it escaped.
 */
export function ownValues(values: readonly Value[]): Value[] {
  return values.map((value) =>
    typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\u{fffd}") : value,
  );
}
