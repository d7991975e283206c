import { errorCodes, isHoldfastError } from "../core/errors.ts";

/** What the process ends with; the README lists them. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, problems: 3, busy: 4, stopped: 130 } as const;

/** One of the exit codes. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit code of an error: its class in the table of codes decides. */
export function exitCodeOf(error: unknown): ExitCode {
  if (isHoldfastError(error)) return exitCodes[errorCodes[error.code]];
  if (isCommanderError(error)) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  return exitCodes.failure;
}

/** True for what commander throws; it has told the user already. */
export function isCommanderError(error: unknown): error is Error & { readonly exitCode: number } {
  return error instanceof Error && "code" in error && String(error.code).startsWith("commander.");
}
