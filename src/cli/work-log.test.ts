import { describe, expect, it } from "vitest";
import { Screen } from "../../test/cli/screen.ts";
import { HoldfastError } from "../core/errors.ts";
import { withStreams } from "./streams.ts";
import { WorkLog } from "./work-log.ts";

describe("a worker's log", () => {
  it("tells what goes wrong again and again once, until something else happens", async () => {
    const busy = (ms: number) =>
      new HoldfastError({ code: "store_busy", message: `Held for ${ms} ms.`, next: "Try again." });
    const told = await linesOf((log) => {
      for (const ms of [50, 51]) log.failed(busy(ms));
      for (const _ of [1, 2]) log.failed(new Error("The disk is gone."));
      log.stopping(0);
      log.failed(new Error("The disk is gone."));
    });
    expect(told).toEqual([
      "holdfast: Held for 50 ms. Try again.",
      "holdfast: The disk is gone.",
      "Stopping: no more inputs are taken. The same signal again ends it at once.",
      "holdfast: The disk is gone.",
    ]);
  });

  it("redacts what agents said, and lets none of it reach the terminal", async () => {
    const key = `sk-ant-api03-${"a".repeat(90)}AA`;
    const [line] = await linesOf((log) => log.failed(new Error(`\u001b[31m${key}\nmore`)));
    expect(line).not.toContain(key);
    expect(line).not.toContain("\u001b");
  });
});

async function linesOf(use: (log: WorkLog) => void): Promise<string[]> {
  const [stdout, stderr] = [new Screen(undefined, []), new Screen(undefined, [])];
  await withStreams({ stdout, stderr }, async () => use(new WorkLog({})));
  expect(stdout.text).toBe("");
  return stderr.text.trimEnd().split("\n");
}
