import { describe, expect, test } from "vitest";
import { checkFence, checkOpenRun, checkRunOf, checkStaging, liveLease, stagedBy } from "./fence.ts";
import type { Run } from "./run.ts";

const key = { project: "p", session: "s" };
const row = { epoch: 3, owner: "w", sinceMs: 10, untilMs: 20 };
const run: Run = {
  ...key,
  id: "7.1",
  input: "7",
  attempt: 1,
  worker: "w",
  epoch: 3,
  revision: 0,
  state: "running",
  startedAtMs: 10,
};

describe("a lease", () => {
  test("is live up to the ms before its end.", () => {
    expect(liveLease(key, row, 19)).toEqual({ ...key, ...row });
    expect(liveLease(key, row, 20)).toBeNull();
  });

  test("without an owner is over, whatever its times say.", () => {
    expect(liveLease(key, { ...row, owner: null }, 15)).toBeNull();
    expect(liveLease(key, undefined, 15)).toBeNull();
  });

  test("lets nothing through that carries another epoch, older or newer.", () => {
    expect(checkFence(key, row, { epoch: 3 }, 15).owner).toBe("w");
    for (const epoch of [2, 4])
      expect(() => checkFence(key, row, { epoch }, 15)).toThrow(/lease .* has ended/);
    expect(() => checkFence(key, row, { epoch: 3 }, 20)).toThrow(/lease 3 .* has ended/);
  });
});

describe("a run", () => {
  test("of another session is unknown, in another project too.", () => {
    expect(checkRunOf(key, "7.1", run)).toBe(run);
    for (const other of [
      { ...key, session: "t" },
      { ...key, project: "q" },
    ])
      expect(() => checkRunOf(other, "7.1", run)).toThrow(/no run 7\.1/);
    expect(() => checkRunOf(key, "7.1", undefined)).toThrow(/no run 7\.1/);
  });

  test("that is held is open, but stages nothing.", () => {
    const held: Run = { ...run, state: "held" };
    expect(checkOpenRun(key, "7.1", held)).toBe(held);
    expect(() => checkStaging(key, "7.1", held, { epoch: 3 })).toThrow(/is held/);
  });

  test("stages only under the lease that it began under.", () => {
    expect(checkStaging(key, "7.1", run, { epoch: 3 })).toBe(run);
    expect(() => checkStaging(key, "7.1", run, { epoch: 4 })).toThrow(/run 7\.1/);
  });

  test("that has ended is not open.", () => {
    for (const state of ["committed", "interrupted", "discarded"] as const)
      expect(() => checkOpenRun(key, "7.1", { ...run, state })).toThrow(`is ${state}`);
  });

  test("that keeps others out is named with its worker, and its lease's end while it has one.", () => {
    const busy = { ...key, owner: "w", sinceMs: 10 };
    expect(stagedBy(run, row)).toMatchObject({ code: "session_busy", data: { ...busy, untilMs: 20 } });
    expect(stagedBy(run, { ...row, owner: null })).toMatchObject({ data: { ...busy, untilMs: 10 } });
    expect(stagedBy(run, undefined)).toMatchObject({ data: { ...busy, untilMs: 10 } });
  });
});
