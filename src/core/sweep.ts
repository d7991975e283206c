import { HoldfastError } from "./errors.ts";

/** What to look for; an interrupted sweep can be run again. */
export interface SweepParams {
  /** Leaves alone what is younger by the store's clock: a blob is put before the entry that names it. */
  readonly minAgeMs: number;
  /** The projections that are run: what others left goes. Absent: all stay. */
  readonly projections?: readonly string[];
  /** Only tells what would be removed. */
  readonly dryRun?: boolean;
}

export interface SweepResult {
  readonly removed: readonly Swept[];
}

/** How many of one kind, at least one; in the order of {@link sweptKinds}. */
export interface Swept {
  readonly kind: SweptKind;
  readonly count: number;
}

/**
 * `blob_hold`: what keeps a blob for a session that was never begun. `blob`: bytes that no session holds.
 * `projection`: the position of one that is not run any more. `document`: one of no session, or of no projection.
 */
export type SweptKind = (typeof sweptKinds)[number];

const sweptKinds = ["blob_hold", "blob", "projection", "document"] as const;

/** The result of a sweep; kinds of which nothing was found are left out. */
export function sweepResult(counts: Readonly<Record<SweptKind, number>>): SweepResult {
  const removed = sweptKinds.map((kind) => ({ kind, count: counts[kind] }));
  return { removed: removed.filter(({ count }) => count > 0) };
}

/** Refuses an age that is no whole number of ms. @throws invalid_limit */
export function checkSweep({ minAgeMs }: SweepParams): void {
  if (Number.isSafeInteger(minAgeMs) && minAgeMs >= 0) return;
  throw new HoldfastError({
    code: "invalid_limit",
    message: `The least age ${minAgeMs} is no whole number of ms.`,
    next: "Give 0 or more ms; a day is usual.",
    data: { minAgeMs },
  });
}
