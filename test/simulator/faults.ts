import type { Verb } from "./actor-store.ts";
import type { Random } from "./random.ts";

/** What may go wrong around one call, or happen at that very moment. */
export type Fault =
  /** The process is gone: before the call reached the store, or after it took effect. */
  | "crash_before"
  | "crash_after"
  /** An error before any effect: one that may pass, or one that will not. */
  | "error"
  | "refusal"
  /** The call takes effect, and its answer is an error of the store, or of something that knows nothing of it. */
  | "lost"
  | "lost_raw"
  /** The call takes effect, and no answer ever comes. */
  | "silence"
  /** The process does nothing until long after its lease; its own clock goes on, or stands still with it. */
  | "pause"
  | "suspend"
  /** The call arrives twice, or once, but long after its caller was told that it failed. */
  | "twice"
  | "late"
  /** The call arrives long after its caller is gone. */
  | "orphan"
  /** Another one begins at this moment. */
  | "worker"
  | "reconciler"
  | "clear"
  | "cancel"
  | "resolve"
  | "mirror"
  | "drop";

/** Faults that only a call that writes can have. */
const ofWrites: readonly Fault[] = ["lost", "lost_raw", "twice", "late", "orphan"];

const anywhere: readonly Fault[] = [
  "crash_before",
  "crash_after",
  "error",
  "refusal",
  "silence",
  "pause",
  "suspend",
  "worker",
  "reconciler",
  "clear",
  "cancel",
  "resolve",
  "mirror",
];

/** Every fault that a plan can have for this verb but a drop, which is rare because it ends all. */
function faultsOf(verb: Point): readonly Fault[] {
  if (verb === "tool") return atTools;
  if (verb === "commit" || verb === "endRun") return atBoundaries;
  return writing.has(verb) ? [...anywhere, ...ofWrites] : anywhere;
}

// A zombie's boundary is what fencing is for.
const atBoundaries: readonly Fault[] = [
  ...anywhere,
  ...ofWrites,
  "pause",
  "suspend",
  "pause",
  "suspend",
  "orphan",
];

const atTools: readonly Fault[] = anywhere.filter((fault) => fault !== "error" && fault !== "refusal");

/** The verbs that change the store. */
export const writing: ReadonlySet<Point> = new Set<Point>([
  "append",
  "acquireLease",
  "renewLease",
  "releaseLease",
  "clearLease",
  "admit",
  "claim",
  "cancel",
  "commit",
  "endRun",
  "drop",
]);

/** Where a fault can strike: a verb of the store, or a tool of the agent. */
export type Point = Verb | "tool";

/** The points of the commit path and of recovery. */
export const pathPoints: readonly Point[] = [
  "admit",
  "claim",
  "session",
  "read",
  "scan",
  "append",
  "tool",
  "tool",
  "append",
  "renewLease",
  "tail",
  "commit",
  "endRun",
  "changes",
  "watch",
  "inputs",
  "runs",
  "run",
  "lease",
  "acquireLease",
  "releaseLease",
];

/** What recovery calls: its window is short, so that faults in it are drawn for it alone. */
export const recoveryPoints: readonly Point[] = [
  "runs",
  "run",
  "lease",
  "acquireLease",
  "tail",
  "inputs",
  "read",
  "commit",
  "endRun",
  "releaseLease",
];

/** Which faults a part of a schedule has, and where. */
export class FaultPlan {
  readonly #random: Random;
  #points: ReadonlySet<Point> | undefined;
  #rate = 0;
  #only: Fault | undefined;
  #left = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Draws the faults of what comes now, at some of these points or at one of them. */
  begin(points: readonly Point[]): void {
    const random = this.#random;
    const aimed = random.chance(0.6);
    this.#left = random.chance(0.03) ? 0 : 1 + random.below(aimed ? 3 : 6);
    // The boundary is the window that matters most.
    const point = random.chance(0.3) ? random.pick(["commit", "endRun"] as const) : random.pick(points);
    this.#points = aimed ? new Set([point]) : undefined;
    this.#rate = aimed ? random.pick([0.3, 0.6, 1]) : random.pick([0.04, 0.1, 0.2]);
    this.#only = aimed && random.chance(0.5) ? random.pick(faultsOf(point)) : undefined;
  }

  /** The fault at this point, if it has one. */
  at(point: Point): Fault | undefined {
    if (this.#left === 0 || this.#points?.has(point) === false || !this.#random.chance(this.#rate))
      return undefined;
    this.#left -= 1;
    if (this.#random.chance(0.01)) return "drop";
    return this.#only ?? this.#random.pick(faultsOf(point));
  }

  /** From now on nothing goes wrong. */
  stop(): void {
    this.#left = 0;
  }
}
