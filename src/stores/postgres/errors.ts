import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { Place } from "./place.ts";

/**
 * Turns an error of the server or of the connection into a typed one; SQLSTATE decides
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
export function typedError(error: unknown, { place, atCommit }: ErrorContext): unknown {
  if (isHoldfastError(error)) return error;
  const code = codeOf(error);
  const meaning = meanings.get(code) ?? meanings.get(code.slice(0, 2));
  if (meaning === undefined) return isLostConnection(code) ? lostConnection(error, place, atCommit) : error;
  return new HoldfastError({
    ...meaning,
    message: `${meaning.message}: ${place.url}.`,
    data: { url: place.url, sqlState: code },
    cause: error,
  });
}

export interface ErrorContext {
  readonly place: Place;
  /** Whether the statement may have been committed although no answer came. */
  readonly atCommit: boolean;
}

/** The SQLSTATE of a server's error, or the code of a connection's. */
export function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

function isLostConnection(_code: string): boolean {
  return false;
}

function lostConnection(error: unknown, place: Place, _atCommit: boolean): HoldfastError {
  return new HoldfastError({
    code: "store_unreachable",
    message: `The server cannot be reached: ${place.url}.`,
    next: "Check that it runs and takes connections.",
    data: { url: place.url },
    retryable: true,
    cause: error,
  });
}

type Meaning = Pick<HoldfastError, "code" | "message"> & {
  readonly next: string;
  readonly retryable?: boolean;
};

const meanings: ReadonlyMap<string, Meaning> = new Map([
  [
    "53100",
    {
      code: "store_full",
      message: "The server's disk is full",
      next: "Free some space; nothing was written.",
    },
  ],
] satisfies [string, Meaning][]);
