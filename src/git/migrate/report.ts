import type { Layout } from "../checkpoint-store.ts";

/** What a migration did, or with `dryRun` would do. */
export interface MigrateReport {
  readonly from: Layout;
  readonly to: Layout;
  readonly dryRun: boolean;
  /** Of the layout that is read. */
  readonly checkpoints: number;
  /** New in the other layout. */
  readonly created: number;
  /** There already, with less of their sessions. */
  readonly extended: number;
  readonly unchanged: number;
  /** Deleted on purpose, and left so. */
  readonly deleted: readonly string[];
  /** ULIDs, which nobody looks for in the other layout. */
  readonly refused: readonly string[];
  /** Sessions that both layouts have with different words: those of the target stay. */
  readonly kept: readonly { readonly id: string; readonly sessions: readonly string[] }[];
  /** Of a checkpoint, by its id, or of a ref: what did not come over, and what stays behind of what did. */
  readonly problems: readonly { readonly id: string; readonly reason: string }[];
}

/** Collects a report. */
export class Tally {
  created = 0;
  extended = 0;
  unchanged = 0;
  readonly kept: { readonly id: string; readonly sessions: readonly string[] }[] = [];
  readonly problems: { readonly id: string; readonly reason: string }[] = [];
}
