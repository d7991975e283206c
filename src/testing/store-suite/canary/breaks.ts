import { type ErrorCode, isHoldfastError } from "../../../core/errors.ts";
import type { Store } from "../../../core/store.ts";

/** Replaces some verbs of a store by ones that break a rule. */
export type Sabotage = (store: Store) => Partial<Store>;

/** By the rule that is broken: the group of tests that must notice, and the break. */
export type Breaks = Readonly<Record<string, readonly [group: string, sabotage: Sabotage]>>;

/** What a call gives, or what is done instead where it is refused with this code. */
export async function unlessRefused<Result>(
  code: ErrorCode,
  call: () => Promise<Result>,
  instead: (data: Readonly<Record<string, unknown>>) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (isHoldfastError(error) && error.code === code) return instead(error.data);
    throw error;
  }
}
