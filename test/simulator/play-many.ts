import { pathPoints, recoveryPoints } from "./faults.ts";
import { playSchedule, type Tally } from "./schedule.ts";

/** Plays schedules one after the other. @throws with the command that replays the first that does not hold */
export async function playMany({
  from,
  count,
}: {
  readonly from: number;
  readonly count: number;
}): Promise<Tally> {
  const tally: Tally = new Map();
  for (let seed = from; seed < from + count; seed += 1) {
    try {
      await playSchedule({ seed, tally });
    } catch (cause) {
      throw new Error(`${(cause as Error).message}\n${replayOf(seed)}`, { cause });
    }
  }
  return tally;
}

/** What to type to see one schedule again, step by step. */
function replayOf(seed: number): string {
  return `Replay it with: npm run chaos -- --seed ${seed}`;
}

/** The windows that were never hit: where a fault was to strike and did not, and endings that never came. */
export function missedWindows(tally: Tally): readonly string[] {
  const points = [...new Set([...pathPoints, ...recoveryPoints])];
  const struck = points.flatMap((point) => {
    const faults = point === "tool" ? alwaysPossible : [...alwaysPossible, "error", "refusal"];
    return faults.map((fault) => `${point} ${fault}`);
  });
  const answers = writes.flatMap((verb) =>
    ["lost", "lost_raw", "twice", "late", "orphan"].map((how) => `${verb} ${how}`),
  );
  return [...struck, ...answers, ...endings].filter((window) => !tally.has(window));
}

const alwaysPossible = [
  "crash_before",
  "crash_after",
  "silence",
  "pause",
  "suspend",
  "worker",
  "reconciler",
  "clear",
];

const writes = ["admit", "claim", "append", "renewLease", "acquireLease", "commit", "endRun"];

const endings = [
  "endRun interrupted",
  "endRun held",
  "endRun discarded",
  "endRun lease_lost",
  "endRun run_closed",
  "endRun tail_mismatch",
  "commit lease_lost",
  "commit run_closed",
  "commit commit_conflict",
  "reconciled committed",
  "reconciled interrupted",
  "reconciled held",
  "reconciled skipped",
  "worker ended committed",
  "worker ended interrupted",
  "worker ended held",
  "held to the end",
];
