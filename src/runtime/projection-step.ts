import { isHoldfastError } from "../core/errors.ts";
import type { ProjectionRow } from "../core/projection.ts";
import type { Change, ChangesResult, Store } from "../core/store.ts";
import type { Projection, SessionDocument } from "./projection.ts";

/** What became of a step: `moved` says to look again at once, `idle` that the projection stands at the feed's end, `stopped` that it stands where it was. */
export type StepResult =
  /** Without a position another runner was faster. */
  | { readonly as: "moved"; readonly position?: number }
  | { readonly as: "idle"; readonly position: number }
  | { readonly as: "paused" | "stopped" };

export interface StepParams {
  readonly store: Store;
  readonly projection: Projection;
  /** Changes at most. */
  readonly limit: number;
  /** Goes on although it is paused. */
  readonly forced?: boolean;
  /** Aborts when the step is not to be finished. */
  readonly signal?: AbortSignal | undefined;
}

/** Takes a projection forward by one batch; documents and position change together, or nothing does. */
export async function takeStep(params: StepParams): Promise<StepResult> {
  const { store, projection, limit, forced } = params;
  const { name } = projection;
  const row = await rowOf(store, name);
  const { position = 0 } = row ?? {};
  if (row?.paused === true && forced !== true) return { as: "paused" };
  const page = await pageAfter(store, position, limit);
  // The store was restored to an earlier state: what was derived since is of changes that never were.
  if (page === "ahead") return clear(store, name, position);
  if (page.changes.length === 0) return idle(store, row, position);
  const applied = await applyAsFarAsPossible(params, page.changes);
  if (applied === undefined) return { as: "stopped" };
  return unlessOvertaken(store.advance({ projection: name, from: position, ...applied }));
}

/** Forgets all that a projection holds, so that its next steps build it anew. */
export async function clearProjection(store: Store, name: string): Promise<void> {
  for (;;) {
    const row = await rowOf(store, name);
    const position = row?.position ?? 0;
    try {
      return void (await store.advance({ projection: name, from: position, to: 0, clear: true }));
    } catch (error) {
      // Another runner took a step in between.
      if (!isConflict(error)) throw error;
    }
  }
}

async function rowOf(store: Store, name: string): Promise<ProjectionRow | undefined> {
  return (await store.projections()).find((row) => row.name === name);
}

async function pageAfter(store: Store, after: number, limit: number): Promise<ChangesResult | "ahead"> {
  try {
    return await store.changes({ after, limit });
  } catch (error) {
    if (isHoldfastError(error) && error.code === "cursor_ahead") return "ahead";
    throw error;
  }
}

function clear(store: Store, projection: string, from: number): Promise<StepResult> {
  return unlessOvertaken(store.advance({ projection, from, to: 0, clear: true }));
}

// At the end of the feed nothing is wrong any more: another runner may have succeeded where this one had failed.
async function idle(store: Store, row: ProjectionRow | undefined, position: number): Promise<StepResult> {
  if (row?.error !== undefined) await store.setProjection({ projection: row.name, error: null });
  return { as: "idle", position };
}

interface Applied {
  readonly to: number;
  readonly documents: readonly SessionDocument[];
}

/** Halves a batch that fails until it passes, so that the projection stands right before the change that it cannot take; undefined where it was stopped. */
async function applyAsFarAsPossible(
  { store, projection, signal }: StepParams,
  changes: readonly Change[],
): Promise<Applied | undefined> {
  const previous = (session: Pick<Change, "project" | "session">): Promise<string | null> =>
    store.projected({ projection: projection.name, session });
  for (let taken = changes; ; taken = taken.slice(0, Math.ceil(taken.length / 2))) {
    try {
      const documents = await projection.apply({ store, changes: taken, previous, signal });
      return { to: taken.at(-1)!.seq, documents };
    } catch (error) {
      // What has failed by itself fails again with the next step.
      if (signal?.aborted === true) return undefined;
      if (taken.length === 1) throw failedAt(taken[0]!, error);
    }
  }
}

async function unlessOvertaken(step: Promise<ProjectionRow>): Promise<StepResult> {
  try {
    return { as: "moved", position: (await step).position };
  } catch (error) {
    if (!isConflict(error)) throw error;
    return { as: "moved" };
  }
}

function isConflict(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "position_conflict";
}

function failedAt({ seq, kind, project, session }: Change, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`At change ${seq} (${kind}, session ${session} of project ${project}): ${reason}`, {
    cause,
  });
}
