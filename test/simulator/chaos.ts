import { playMany } from "./play-many.ts";
import { playSchedule } from "./schedule.ts";

const seed = numberOf("--seed");
const from = numberOf("--from") ?? Date.now() % 2_000_000_000;
const count = numberOf("--count");
/** Schedules between two lines. */
const batch = 5_000;

try {
  if (seed !== undefined) await replay(seed);
  else if (count !== undefined) say(JSON.stringify([...(await playMany({ from, count }))]));
  else await playUntilStopped();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}

async function replay(one: number): Promise<void> {
  await playSchedule({ seed: one, trace: say });
  say(`All invariants hold with the seed ${one}.`);
}

async function playUntilStopped(): Promise<void> {
  const startedAtMs = performance.now();
  say(`Schedules from the seed ${from} on, until one does not hold`);
  for (let played = batch; ; played += batch) {
    await playMany({ from: from + played - batch, count: batch });
    const perSecond = Math.round((played * 1000) / (performance.now() - startedAtMs));
    say(`${played} schedules hold, ${perSecond} a second`);
  }
}

function numberOf(name: string): number | undefined {
  const at = process.argv.indexOf(name);
  return at === -1 ? undefined : Number(process.argv[at + 1]);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
