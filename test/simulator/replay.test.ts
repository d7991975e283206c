import { expect, test } from "vitest";
import { plants } from "./plants.ts";
import { playSchedule } from "./schedule.ts";

test("a seed gives the same schedule each time, step by step", async () => {
  for (let seed = 1; seed <= 100; seed += 1) expect(await traceOf(seed)).toEqual(await traceOf(seed));
});

test("seeds give schedules that differ", async () => {
  const traces = new Set<string>();
  for (let seed = 1; seed <= 100; seed += 1) traces.add((await traceOf(seed)).join("\n"));
  expect(traces.size).toBe(100);
});

test("a schedule leaves the process as it was", async () => {
  const before = [
    globalThis.setImmediate,
    Error.stackTraceLimit,
    process.listenerCount("unhandledRejection"),
  ];
  await playSchedule({ seed: 1 });
  const { open } = plants["a store that keeps the revision"]!;
  await expect(playSchedule({ seed: 1, open })).rejects.toThrow("10: the revision is 0 after 1 commits");
  const after = [globalThis.setImmediate, Error.stackTraceLimit, process.listenerCount("unhandledRejection")];
  expect(after).toEqual(before);
});

async function traceOf(seed: number): Promise<readonly string[]> {
  const lines: string[] = [];
  await playSchedule({ seed, trace: (line) => void lines.push(line) });
  return lines;
}
