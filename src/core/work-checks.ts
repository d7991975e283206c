import { checkEntries, isUuid } from "./entry.ts";
import { HoldfastError } from "./errors.ts";
import type { SessionKey } from "./ids.ts";
import type { AdmitParams, Input } from "./input.ts";
import type { Receipt, Run, TailPart } from "./run.ts";

/** Refuses an input that could not be kept exactly. @throws invalid_input */
export function checkInput({ key, body, priority }: Pick<AdmitParams, "key" | "body" | "priority">): void {
  if (!isUuid(key)) throw invalidInput("has a key that is no text of 1 to 256 characters");
  if (priority !== undefined && !Number.isSafeInteger(priority))
    throw invalidInput("has a priority that is no whole number");
  try {
    checkEntries([{ body }]);
  } catch (cause) {
    throw invalidInput("has a body that is not one line of JSON text of an object", cause);
  }
}

/** Refuses parts that are not exactly what the store holds, in any order. @throws tail_mismatch */
export function checkParts(run: string, wanted: readonly TailPart[], found: readonly TailPart[]): void {
  if (textOf(wanted) !== textOf(found)) throw tailMismatch(run, wanted, found);
}

/** The error for a run that the session does not have. */
export function runUnknown(run: string): HoldfastError {
  return new HoldfastError({
    code: "run_unknown",
    message: `There is no run ${run} in this session.`,
    next: "List the runs to find its id; it is gone if the session was dropped.",
    data: { run },
  });
}

/** The error for a run that has ended, or does not run now. */
export function runClosed({ id, state }: Pick<Run, "id" | "state">): HoldfastError {
  return new HoldfastError({
    code: "run_closed",
    message: `The run ${id} is ${state}.`,
    next: "Look at it with `holdfast runs show`; nothing was written.",
    data: { run: id, state },
  });
}

/** The error of a second boundary that differs from the first. */
export function commitConflict(receipt: Receipt): HoldfastError {
  return new HoldfastError({
    code: "commit_conflict",
    message: `The run ${receipt.run} was committed with another digest.`,
    next: "Take what was committed as the truth; nothing was written.",
    data: { run: receipt.run, receipt: { ...receipt } },
  });
}

/** The error of a boundary whose caller does not know exactly what the run has staged. */
export function tailMismatch(
  run: string,
  wanted: readonly TailPart[],
  found: readonly TailPart[],
): HoldfastError {
  return new HoldfastError({
    code: "tail_mismatch",
    message: `The run ${run} has staged something else than was named.`,
    next: "Read its tail and decide again; nothing was written.",
    data: { run, wanted: wanted.map(copyOf), found: found.map(copyOf) },
  });
}

/** The error of a key that names another input already. */
export function inputConflict({
  project,
  session,
  id,
  key,
}: Pick<Input, keyof SessionKey | "id" | "key">): HoldfastError {
  return new HoldfastError({
    code: "input_conflict",
    message: `The key ${key} names the input ${id} already, which has another body.`,
    next: "Use a new key for a new input; nothing was written.",
    data: { project, session, input: id, key },
  });
}

/** The error for an input that the session does not have. */
export function inputUnknown({ project, session }: SessionKey, id: string): HoldfastError {
  return new HoldfastError({
    code: "input_unknown",
    message: `There is no input ${id} in session ${session}.`,
    next: "List the session's inputs to find its id.",
    data: { project, session, input: id },
  });
}

/** The error for an input that has ended. */
export function inputClosed({ id, state }: Pick<Input, "id" | "state">): HoldfastError {
  return new HoldfastError({
    code: "input_closed",
    message: `The input ${id} is ${state}.`,
    next: "Admit a new input; nothing was written.",
    data: { input: id, state },
  });
}

/** The error of a projection's step that was made from another position than it has. */
export function positionConflict(projection: string, position: number, from: number): HoldfastError {
  return new HoldfastError({
    code: "position_conflict",
    message: `The projection ${projection} stands at ${position}, not at ${from}.`,
    next: "Read its position and apply the changes behind it; nothing was written.",
    data: { projection, position, from },
  });
}

function invalidInput(fault: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "invalid_input",
    message: `The input ${fault}.`,
    next: "Give a key of your own, one JSON object as JSON.stringify makes it, and a whole number as priority; nothing was stored.",
    ...(cause === undefined ? {} : { cause }),
  });
}

function textOf(parts: readonly TailPart[]): string {
  const lines = parts.map(({ log, from, to, sha256 }) => JSON.stringify([log, from, to, sha256]));
  return lines.toSorted().join("\n");
}

function copyOf({ log, from, to, sha256 }: TailPart): TailPart {
  return { log, from, to, sha256 };
}
