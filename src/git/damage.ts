import { type HoldfastError, isHoldfastError } from "../core/errors.ts";

/** True for a fault of one object, ref or checkpoint, which is a reason to tell it and to go on with the others. */
export function isDamage(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && codes.has(error.code);
}

/** Told of what a list leaves out, since it cannot be read. */
export type OnDamaged = (error: HoldfastError) => void;

const codes: ReadonlySet<string> = new Set([
  "checkpoint_damaged",
  "git_object_invalid",
  "git_object_too_large",
  "git_object_unfetched",
  "git_ref_damaged",
]);
