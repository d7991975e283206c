import { HoldfastError, isHoldfastError } from "../../core/errors.ts";

/** Turns an error of SQLite into a typed one; its primary result code decides (https://sqlite.org/rescode.html). */
export function typedError(error: unknown, path: string): unknown {
  if (isHoldfastError(error)) return error;
  const meaning = meanings[codeOf(error) & 0xff];
  if (meaning === undefined) return error;
  return new HoldfastError({
    ...meaning,
    message: `${meaning.message}: ${path}.`,
    data: { path },
    cause: error,
  });
}

/** True when another connection held the lock that was wanted. */
export function isBusy(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "store_busy";
}

/** The error after another process held the write lock for too long. */
export function busyTooLong(path: string, waitedMs: number): HoldfastError {
  return new HoldfastError({
    code: "store_busy",
    message: `Another process held the store for ${waitedMs} ms: ${path}.`,
    next: "Try again, or end the process that holds it; nothing was written.",
    data: { path, waitedMs },
    retryable: true,
  });
}

function codeOf(error: unknown): number {
  return typeof error === "object" && error !== null && "errcode" in error ? Number(error.errcode) : 0;
}

const busy = {
  code: "store_busy",
  message: "Another process holds the store",
  next: "Try again in a moment.",
  retryable: true,
} as const;

const meanings: Readonly<Record<number, Meaning>> = {
  5: busy,
  6: busy,
  8: {
    code: "store_unreachable",
    message: "The store is read-only",
    next: "Give this user the right to write the file and its folder.",
  },
  10: {
    code: "store_unreachable",
    message: "The disk failed under the store",
    next: "Check the disk, then try again.",
  },
  11: {
    code: "store_corrupt",
    message: "The store's file is damaged",
    next: "Restore a backup, or save what is left with `sqlite3 FILE .recover`.",
  },
  13: { code: "store_full", message: "The disk is full", next: "Free some space; nothing was written." },
  14: {
    code: "store_unreachable",
    message: "The store's file cannot be opened",
    next: "Check the path and its permissions.",
  },
  26: {
    code: "store_foreign",
    message: "The file is not an SQLite database",
    next: "Name another path; the file was left as it is.",
  },
};

type Meaning = Pick<HoldfastError, "code" | "message"> & {
  readonly next: string;
  readonly retryable?: boolean;
};
