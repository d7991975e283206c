import { expect, test } from "vitest";
import { plants } from "./plants.ts";
import { playSchedule } from "./schedule.ts";

const mostSeeds = 2_500;

test.for(Object.entries(plants))("the simulator catches %s", { timeout: 120_000 }, async ([, planted]) => {
  const { breaks, ...plant } = planted;
  const said = await firstViolation(plant);
  expect(breaks).toContain(Number(/^(\d+): /.exec(said)?.[1]));
});

async function firstViolation(plant: Omit<Parameters<typeof playSchedule>[0], "seed">): Promise<string> {
  for (let seed = 1; seed <= mostSeeds; seed += 1) {
    try {
      await playSchedule({ ...plant, seed });
    } catch (error) {
      return (error as Error).message;
    }
  }
  return "nothing";
}
