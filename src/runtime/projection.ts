import type { SessionKey } from "../core/ids.ts";
import type { AdvanceParams, ProjectionRow } from "../core/projection.ts";
import type { Change, Store } from "../core/store.ts";

/** Something derived from what was committed, by following the change feed: it may be behind, and is never wrong. */
export interface Projection {
  /** Names its position and its documents in the store. */
  readonly name: string;
  /**
   * Takes the next changes and gives the documents that they make other. It may be called again with the same changes,
   * cut into other batches, also by two processes at once: what it does beside its documents must bear that. What it
   * throws stops this projection at the change concerned, and no other.
   */
  apply(batch: ProjectionBatch): Promise<readonly SessionDocument[]>;
}

/** The next changes of the feed. */
export interface ProjectionBatch {
  /** For reading; what a projection may write is usage. */
  readonly store: Store;
  /** In the order of the feed, without a gap; at least one. */
  readonly changes: readonly Change[];
  /** The projection's own document of a session, as it is before these changes. */
  readonly previous: (session: SessionKey) => Promise<string | null>;
  /** Aborts when its runner is to end: a projection that takes long may throw, and is given these changes again later. */
  readonly signal?: AbortSignal | undefined;
}

/** A session's document, one JSON object as text; null removes it. */
export type SessionDocument = NonNullable<AdvanceParams["documents"]>[number];

/** Where a projection stands. */
export interface ProjectionStatus extends Omit<ProjectionRow, "updatedAtMs"> {
  /** How many changes it has not taken yet; below 0 where the store was restored to an earlier state. */
  readonly lag: number;
  /** When it last took a step, was paused or failed; null: never. */
  readonly updatedAtMs: number | null;
  /** Whether this program can run it; else it was left by another one. */
  readonly known: boolean;
}

/** One session's part of a batch. */
export interface SessionChanges {
  readonly session: SessionKey;
  readonly changes: readonly Change[];
}

/** Parts a batch by session, in the order of their first changes. */
export function bySession(changes: readonly Change[]): readonly SessionChanges[] {
  const groups = new Map<string, { readonly session: SessionKey; readonly changes: Change[] }>();
  for (const change of changes) {
    const { project, session } = change;
    const id = JSON.stringify([project, session]);
    const group = groups.get(id) ?? { session: { project, session }, changes: [] };
    groups.set(id, group);
    group.changes.push(change);
  }
  return [...groups.values()];
}
