import type { AdmitParams } from "../../src/core/input.ts";

/** What a worker's process does, and where it dies; one line of JSON on its standard input. */
export interface CrashPlan {
  /** Where the store is: an SQLite file, or a PostgreSQL URL. */
  readonly place: string;
  /** The file that tools leave a line in for each time they took effect. */
  readonly effects: string;
  readonly owner: string;
  readonly leaseMs: number;
  /** How far the store's clock is ahead of the machine's. */
  readonly aheadMs: number;
  readonly maxRuns: number;
  readonly work: "inputs" | "reconcile";
  readonly project: string;
  /** Takes a projection forward, once the inputs are done. */
  readonly follows?: boolean;
  readonly inputs: readonly Pick<AdmitParams, "session" | "key" | "body">[];
  /** Also dies without one: its parent kills it at any moment. */
  readonly crash?: CrashPoint;
  /** Makes the store refuse this commit: something is staged that the worker does not know of. */
  readonly refuseCommit?: number;
}

/** Where a process dies: around or inside the nth thing of a kind that it does. */
export interface CrashPoint {
  readonly of: CrashSubject;
  readonly nth: number;
  readonly at: CrashMoment;
  /** What follows such a crash is stopped by SIGSTOP instead, and goes on when it is told to. */
  readonly stopOnly?: true;
}

export type CrashSubject =
  | "admit"
  | "claim"
  | "stage"
  | "step"
  | "effect"
  | "commit"
  | "endRun"
  | "ended"
  | "advance"
  | "acquireLease";

/** `statement` counts those of the transaction, `BEGIN` as 0; one that has fewer dies once it is durable. */
export type CrashMoment = "before" | "after" | { readonly statement: number };

/** What the process says before it dies; each line only after the store has answered. */
export type CrashLine =
  | { readonly said: "ready" | "done" }
  | { readonly said: "admitted"; readonly session: string; readonly key: string; readonly id: string }
  | {
      readonly said: "staged";
      readonly session: string;
      readonly log: string;
      readonly run: string;
      readonly bodies: readonly string[];
    }
  | {
      readonly said: "step";
      readonly session: string;
      readonly log: string;
      readonly bodies: readonly string[];
    }
  | { readonly said: "committed"; readonly run: string; readonly receipt: object }
  | { readonly said: "ended"; readonly run: string; readonly as: string }
  | { readonly said: "dies"; readonly where: string }
  | { readonly said: "failed"; readonly message: string };

/** Numbers from 0 up to 1, the same for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
