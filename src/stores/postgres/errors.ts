import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { type Meaning, meaningOf } from "./error-meanings.ts";
import type { Place } from "./place.ts";

/** Turns an error of the server or of the connection into a typed one that says whether the call may be made again. */
export function typedError(error: unknown, { place, mayBeWritten }: ErrorContext): unknown {
  if (isHoldfastError(error)) return error;
  const { code, severity } = fieldsOf(error);
  const isUnknown = mayBeWritten && (lostAnswer.test(code) || severity === "PANIC");
  const meaning = isUnknown ? outcomeUnknown : meaningOf(code);
  if (meaning === undefined) return shownCause(error);
  return new HoldfastError({
    ...meaning,
    message: `${meaning.message}: ${place.url}.`,
    data: { url: place.url, cause: code },
    cause: shownCause(error),
  });
}

export interface ErrorContext {
  readonly place: Place;
  /** Whether what was sent may have been committed although no answer came. */
  readonly mayBeWritten: boolean;
}

/** Whether the server gave up one of several transactions that met; nothing of it was written, and it can be made again. */
export function isCollision(error: unknown): boolean {
  return isHoldfastError(error) && ["23505", "40001", "40P01"].includes(String(error.data["cause"]));
}

const outcomeUnknown: Meaning = {
  code: "outcome_unknown",
  message: "The connection was lost before the server answered a write",
  next: "Make the same call again: what has a uuid or a key is written once.",
  retryable: true,
};

// 57P01 and 57P02 end a server's process wherever it was, also between its commit and its answer.
const lostAnswer = /^(57P01|57P02|40003|08...|E[A-Z]+|CONNECTION_CLOSED|CONNECTION_DESTROYED)$/;

/** The libraries hang the statement's values on their errors: bodies, which no log should show. */
function shownCause(error: unknown): unknown {
  if (!(error instanceof Error) || !("parameters" in error || "detail" in error)) return error;
  const shown = new Error(error.message);
  if (error.stack !== undefined) shown.stack = error.stack;
  return Object.assign(shown, fieldsOf(error));
}

function fieldsOf(error: unknown): Fields {
  if (typeof error !== "object" || error === null) return { code: "" };
  const { code, ...fields } = Object.fromEntries(
    fieldNames.flatMap((name) => {
      const value: unknown = Reflect.get(error, name);
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
  return { code: code ?? "", ...fields };
}

interface Fields {
  readonly code: string;
  readonly severity?: string;
}

const fieldNames = ["code", "severity", "routine", "constraint_name", "constraint"];
