import { HoldfastError } from "../../core/errors.ts";

/** That another one holds a lock. */
export function refLocked(name: string, lock: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "git_ref_locked",
    message: `${name} is locked by another process, or by one that died: ${lock} is there.`,
    next: "Try again; if no git is running any more, delete that file.",
    data: { name, lock },
    retryable: true,
    cause,
  });
}

/** That a ref cannot be where another one's folder is, or the other way round. */
export function refConflict(name: string, other: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "git_ref_conflict",
    message: `There can be no ref ${name} beside ${other}.`,
    next: "Delete or rename one of them.",
    data: { name, other },
    cause,
  });
}

/** That a ref holds what git cannot read. git itself neither sets nor deletes such a one. */
export function refDamaged(name: string, why = "holds neither an id nor another's name"): HoldfastError {
  return new HoldfastError({
    code: "git_ref_damaged",
    message: `The ref ${name} ${why}.`,
    next: "Delete its file in the git folder, then fetch it again, or set it to what its reflog ends in.",
    data: { name },
  });
}
