import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ChunkSize } from "./chunk-size.ts";

test("the size of a push follows what the remote took in time, from one run to the next", async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-chunk-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const sizeAfter = async (act: (size: ChunkSize) => Promise<void>): Promise<number> => {
    await act(await ChunkSize.read(folder));
    return (await ChunkSize.read(folder)).size;
  };

  expect(await sizeAfter(async () => {})).toBe(200);
  // As many as were in it: that 40 are too many says nothing of 50.
  expect(await sizeAfter((size) => size.timedOut(40))).toBe(10);
  expect(await sizeAfter((size) => size.succeeded(9))).toBe(10);
  expect(await sizeAfter((size) => size.succeeded(10))).toBe(20);
  expect(await sizeAfter((size) => size.timedOut(2))).toBe(1);
  // One alone cannot be made smaller, and says nothing of many small ones.
  expect(await sizeAfter((size) => size.succeeded(1))).toBe(2);
  expect(await sizeAfter((size) => size.timedOut(1))).toBe(2);
  for (const [stored, size] of [
    ["0\n", 1],
    ["999999\n", 3200],
    ["half of it", 200],
  ] as const) {
    writeFileSync(join(folder, "holdfast", "push-chunk-size"), stored);
    expect((await ChunkSize.read(folder)).size).toBe(size);
  }
});
