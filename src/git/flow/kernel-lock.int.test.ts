import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { kernelLock } from "./kernel-lock.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-lock-"));
  path = join(folder, "own", "worker.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the lock of a worker", () => {
  it("is held by one process, and free in the moment in which that is killed", async () => {
    const holder = spawn(process.execPath, [
      "--no-warnings",
      join(import.meta.dirname, "../../../test/git/lock-holder.ts"),
      path,
    ]);
    try {
      const [said] = await once(holder.stdout, "data");
      expect(String(said)).toBe("held\n");
      expect(kernelLock(path, { waitMs: 0 })).toBe(null);
      holder.kill("SIGKILL");
      await once(holder, "close");
      using lock = kernelLock(path, { waitMs: 0 });
      expect(lock).not.toBe(null);
    } finally {
      holder.kill("SIGKILL");
    }
  });

  it("is free again when it is let go, twice or not, and leaves nothing but its file", () => {
    const lock = kernelLock(path, { waitMs: 0 })!;
    expect(kernelLock(path, { waitMs: 0 })).toBe(null);
    lock[Symbol.dispose]();
    lock[Symbol.dispose]();
    using again = kernelLock(path, { waitMs: 0 });
    expect(again).not.toBe(null);
    expect(readdirSync(join(folder, "own"))).toEqual(["worker.lock"]);
    expect(statSync(path).size).toBe(0);
    expect(statSync(join(folder, "own")).mode & 0o777).toBe(0o700);
  });

  it("is refused aloud where its file cannot be one", () => {
    expect(() => kernelLock(folder, { waitMs: 0 })).toThrow(/unable to open/);
    expect(existsSync(folder)).toBe(true);
  });
});
