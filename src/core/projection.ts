import type { SessionKey } from "./ids.ts";

/** Where a projection that lives in the store stands. */
export interface ProjectionRow {
  readonly name: string;
  /** The last change of the feed that it holds. */
  readonly position: number;
  readonly paused: boolean;
  /** Why its last step failed; absent since one has succeeded. */
  readonly error?: string;
  readonly updatedAtMs: number;
}

/** One step of a projection: its documents and its position change together, or nothing does. */
export interface AdvanceParams {
  readonly projection: string;
  /** Refuse with `position_conflict` unless the projection stands here (0: it is new). */
  readonly from: number;
  readonly to: number;
  /** One JSON object as text for each session concerned; null removes it. A session that is gone takes none. */
  readonly documents?: readonly { readonly session: SessionKey; readonly body: string | null }[];
  /** Removes every document of it first: the start of a rebuild. */
  readonly clear?: boolean;
}

/** Changes how a projection is run, not what it holds; makes its row where there is none. */
export interface SetProjectionParams {
  readonly projection: string;
  readonly paused?: boolean;
  /** Null: the last step succeeded. */
  readonly error?: string | null;
}

export interface ProjectedParams {
  readonly projection: string;
  readonly session: SessionKey;
}
