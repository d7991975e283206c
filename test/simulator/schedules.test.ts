import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { missedWindows } from "./play-many.ts";
import type { Tally } from "./schedule.ts";

const schedules = 20_000;

test("every invariant holds in 20,000 schedules, and every window is hit", { timeout: 300_000 }, async () => {
  const tally: Tally = new Map();
  for (const shard of await Promise.all(shards().map(play)))
    for (const [what, count] of shard) tally.set(what, (tally.get(what) ?? 0) + count);
  expect(missedWindows(tally)).toEqual([]);
});

// The test runner leaves a core alone on a small machine.
function shards(): readonly { readonly from: number; readonly count: number }[] {
  const size = Math.ceil(schedules / availableParallelism());
  return Array.from({ length: availableParallelism() }, (_, n) => ({ from: 1 + n * size, count: size }));
}

async function play({ from, count }: { readonly from: number; readonly count: number }) {
  const args = [join(import.meta.dirname, "chaos.ts"), "--from", `${from}`, "--count", `${count}`];
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { stdout: string }) => {
    throw new Error(error.stdout);
  });
  return JSON.parse(stdout) as readonly (readonly [string, number])[];
}
