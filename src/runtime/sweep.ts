import type { Store } from "../core/store.ts";
import type { Swept, SweptKind } from "../core/sweep.ts";

export interface SweepStoreParams {
  readonly store: Store;
  /** How old an orphan must be; default a day. */
  readonly minAgeMs?: number;
  /** All projections that any program runs on this store; without them none is removed. */
  readonly projections?: readonly string[];
  readonly dryRun?: boolean;
}

/** What a sweep removed, or would remove, with a sentence each that says why. */
export interface SweepReport {
  readonly dryRun: boolean;
  readonly removed: readonly (Swept & { readonly why: string })[];
}

/** Removes orphans of every kind; it may be stopped anywhere and run again. */
export async function sweepStore({
  store,
  minAgeMs = dayMs,
  projections,
  dryRun = false,
}: SweepStoreParams): Promise<SweepReport> {
  const params = { minAgeMs, dryRun, ...(projections === undefined ? {} : { projections }) };
  const { removed } = await store.sweep(params);
  return { dryRun, removed: removed.map((swept) => ({ ...swept, why: reasons[swept.kind] })) };
}

const dayMs = 86_400_000;

const reasons: Readonly<Record<SweptKind, string>> = {
  blob_hold: "The session that a blob was stored for was never begun.",
  blob: "No session holds the blob any more.",
  projection: "No program runs the projection any more.",
  document: "The document's session or projection is gone.",
};
