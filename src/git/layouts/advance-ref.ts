import { setTimeout as sleep } from "node:timers/promises";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { ObjectBatch, ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** What a ref is to become after it was looked at: the same id changes nothing. */
export interface Step<Result> {
  readonly to: ObjectId | null;
  readonly result: Result;
}

/**
 * Takes a ref forward from whatever it is: `next` is asked again whenever another process was faster, with a batch that
 * is written before the ref. @throws checkpoint_busy
 */
export async function advanceRef<Result>(
  repository: Repository,
  {
    ref,
    reason,
    next,
  }: {
    readonly ref: string;
    /** For the reflog. */
    readonly reason: string;
    readonly next: (from: ObjectId | null, batch: ObjectBatch) => Promise<Step<Result>>;
  },
): Promise<Result> {
  const endMs = performance.now() + maxWaitMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, 50)) {
    const from = await repository.refs.read(ref);
    const batch = repository.batch();
    const { to, result } = await next(from, batch);
    if (to === from) return result;
    await batch.flush();
    if (await moves(repository, { name: ref, from, to, reason })) return result;
    if (performance.now() > endMs) throw busy(ref);
    // Writers that were refused together should not try again together.
    await sleep(pauseMs * Math.random());
  }
}

const maxWaitMs = 30_000;

async function moves(
  repository: Repository,
  update: Parameters<Repository["refs"]["update"]>[0],
): Promise<boolean> {
  try {
    return (await repository.refs.update(update)) === "updated";
  } catch (error) {
    if (isHoldfastError(error) && error.code === "git_ref_locked") return false;
    throw error;
  }
}

function busy(ref: string): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_busy",
    message: `Others wrote ${ref} for ${maxWaitMs / 1000} s without a gap.`,
    next: "Try again; if nobody else writes, remove a `.lock` file that a killed process left beside the ref.",
    retryable: true,
    data: { ref },
  });
}
