import { HoldfastError } from "./errors.ts";

/** Where a page of sessions ended: its last row's time and id. */
export interface SessionPosition {
  readonly updatedAtMs: number;
  readonly rowId: number;
}

/** Makes an opaque page cursor, bound to the filter that it was made for. */
export function encodeCursor(position: SessionPosition, filterKey: string): string {
  const text = JSON.stringify([1, position.updatedAtMs, position.rowId, filterKey]);
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Reads a page cursor. @throws cursor_invalid when malformed or made for another filter */
export function decodeCursor(cursor: string, filterKey: string): SessionPosition {
  const parts = partsOf(cursor);
  if (parts === undefined) throw invalid("is malformed");
  if (parts[3] !== filterKey) throw invalid("was made for another filter");
  return { updatedAtMs: parts[1], rowId: parts[2] };
}

type Parts = [1, number, number, string];

function partsOf(cursor: string): Parts | undefined {
  try {
    const binary = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const parts: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isParts(parts) ? parts : undefined;
  } catch {
    return undefined;
  }
}

function isParts(value: unknown): value is Parts {
  return (
    Array.isArray(value) &&
    value.length === 4 &&
    value[0] === 1 &&
    Number.isSafeInteger(value[1]) &&
    Number.isSafeInteger(value[2]) &&
    typeof value[3] === "string"
  );
}

function invalid(fault: string): HoldfastError {
  return new HoldfastError({
    code: "cursor_invalid",
    message: `The page cursor ${fault}.`,
    next: "Pass the cursor that the last page returned, with the same filter, or start again without one.",
  });
}
