import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { Place } from "./place.ts";

/**
 * Turns an error of the server or of the connection into a typed one: SQLSTATE decides, or its class
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html), else the code of the library or of the socket.
 */
export function typedError(error: unknown, { place, mayBeWritten }: ErrorContext): unknown {
  if (isHoldfastError(error)) return error;
  const code = codeOf(error);
  if (mayBeWritten && lostAnswers.has(code)) return outcomeUnknown(error, place, code);
  const meaning = meanings.get(code) ?? meanings.get(code.slice(0, 2));
  if (meaning === undefined) return error;
  return new HoldfastError({
    ...meaning,
    message: `${meaning.message}: ${place.url}.`,
    data: { url: place.url, cause: code },
    cause: error,
  });
}

export interface ErrorContext {
  readonly place: Place;
  /** Whether what was sent may have been committed although no answer came. */
  readonly mayBeWritten: boolean;
}

/** Whether the server gave up one of several transactions that waited for each other; nothing of it was written. */
export function isCollision(error: unknown): boolean {
  return isHoldfastError(error) && ["40001", "40P01"].includes(String(error.data["cause"]));
}

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

function outcomeUnknown(error: unknown, { url }: Place, code: string): HoldfastError {
  return new HoldfastError({
    code: "outcome_unknown",
    message: `The connection was lost before the server answered a write: ${url}.`,
    next: "Make the same call again: what has a uuid or a key is written once.",
    data: { url, cause: code },
    retryable: true,
    cause: error,
  });
}

// 57P02: another process of the server crashed, and this one ended at once, wherever it was.
const lostAnswers: ReadonlySet<string> = new Set([
  ...["57P02", "08006", "08003", "08007"],
  ...["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "ECONNRESET", "EPIPE", "ETIMEDOUT"],
]);

type Meaning = Pick<HoldfastError, "code" | "message"> & {
  readonly next: string;
  readonly retryable?: boolean;
};

const unreachable: Meaning = {
  code: "store_unreachable",
  message: "The PostgreSQL server cannot be reached",
  next: "Check that it runs and takes connections, then try again; nothing was written.",
  retryable: true,
};
const refused: Meaning = {
  code: "store_unreachable",
  message: "The PostgreSQL server refused the user or the password",
  next: "Check the credentials in the URL, and what pg_hba.conf allows.",
};
const readOnly: Meaning = {
  code: "store_unreachable",
  message: "The PostgreSQL server takes no writes: it is a replica, or set to read only",
  next: "Name the primary server; nothing was written.",
};
const busy: Meaning = {
  code: "store_busy",
  message: "The PostgreSQL server gave the statement up, because another one held what it needs for too long",
  next: "Try again; nothing was written.",
  retryable: true,
};
const forbidden: Meaning = {
  code: "store_unreachable",
  message: "The user may not do this in the database",
  next: "Grant the rights that docs/guide names; nothing was written.",
};
const full: Meaning = {
  code: "store_full",
  message: "The PostgreSQL server's disk is full",
  next: "Free some space, then try again; nothing was written.",
  retryable: true,
};

const meanings: ReadonlyMap<string, Meaning> = new Map([
  ["28", refused],
  [
    "3D000",
    {
      code: "store_unreachable",
      message: "There is no such database",
      next: "Make it, or name another.",
    } as const,
  ],
  ["25006", readOnly],
  ["42501", forbidden],
  ["40", busy],
  ["55P03", busy],
  ["57014", { ...busy, message: "The PostgreSQL server's statement_timeout ended the statement" }],
  ["53100", full],
  ["53", { ...unreachable, message: "The PostgreSQL server has no connection or memory left" }],
  ["57", unreachable],
  ["08", unreachable],
  [
    "XX001",
    { code: "store_corrupt", message: "The database is damaged", next: "Restore a backup." } as const,
  ],
  [
    "XX002",
    { code: "store_corrupt", message: "An index of the database is damaged", next: "Run REINDEX." } as const,
  ],
  ...[
    ...["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "CONNECTION_ENDED", "CONNECT_TIMEOUT"],
    ...[
      "ECONNREFUSED",
      "ECONNRESET",
      "EPIPE",
      "ETIMEDOUT",
      "ENOTFOUND",
      "EAI_AGAIN",
      "EHOSTUNREACH",
      "ENETUNREACH",
    ],
    ...["ENOENT", "EACCES"],
  ].map((code) => [code, unreachable] as const),
]);
