import { HoldfastError } from "../../core/errors.ts";

/** That an object is not what it should be; `what` names it and says why. */
export function invalidObject(
  what: string,
  next = "Run `git fsck` to see what else is damaged.",
): HoldfastError {
  return new HoldfastError({ code: "git_object_invalid", message: `${what}.`, next });
}
