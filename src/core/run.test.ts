import { expect, test } from "vitest";
import { discardedLog, eventLog, runOf } from "./run.ts";

test("A run is known by the log of its events, also where they were put aside, and by no other log.", () => {
  expect(runOf(eventLog("5.1"))).toBe("5.1");
  expect(runOf(discardedLog("5.1", eventLog("5.1")))).toBe("5.1");
  for (const log of [
    "",
    "@steps/5",
    "@run/",
    discardedLog("5.1", ""),
    discardedLog("5.1", eventLog("6.1")),
    "x/@run/5.1",
  ])
    expect(runOf(log)).toBe(undefined);
});
