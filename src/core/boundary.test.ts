import { describe, expect, test } from "vitest";
import {
  claimedInput,
  committedRun,
  endedRun,
  inputAfter,
  nextAttempt,
  receiptOf,
  runsFilterKeyOf,
} from "./boundary.ts";
import { type Input, maxAttempts, nextInputState } from "./input.ts";
import type { Run } from "./run.ts";

const input: Input = {
  id: "7",
  project: "p",
  session: "s",
  key: "k",
  body: "{}",
  provider: "scripted",
  priority: 0,
  state: "queued",
  attempts: 0,
  admittedAtMs: 1,
  updatedAtMs: 1,
};
const running = claimedInput(input, "7.1", 2);
const run: Run = {
  id: "7.1",
  project: "p",
  session: "s",
  input: "7",
  attempt: 1,
  worker: "w",
  epoch: 1,
  revision: 4,
  state: "running",
  startedAtMs: 2,
};

describe("an input", () => {
  test("names its run and counts the attempt once it is claimed.", () => {
    expect(running).toEqual({ ...input, state: "running", attempts: 1, run: "7.1", updatedAtMs: 2 });
  });

  test("that is tried again goes back to the queue without a reason.", () => {
    const again = inputAfter(running, "requeue", { atMs: 3, reason: "worker died" });
    expect(again).toEqual({ ...running, state: "queued", updatedAtMs: 3 });
  });

  test("that was tried too often is abandoned, and says why.", () => {
    const last = { ...running, attempts: maxAttempts };
    const ended = inputAfter(last, "requeue", { atMs: 3, reason: "worker died" });
    expect(ended).toEqual({ ...last, state: "abandoned", reason: "worker died", updatedAtMs: 3 });
  });

  test("whose run is asked to stop keeps the reason of whoever asked.", () => {
    const asked = inputAfter(running, "cancel", { atMs: 3, reason: "not needed" })!;
    expect(asked).toEqual({ ...running, cancelRequested: true, reason: "not needed", updatedAtMs: 3 });
    const ended = inputAfter(asked, "requeue", { atMs: 4, reason: "stopped" });
    expect(ended).toMatchObject({ state: "cancelled", reason: "not needed" });
  });

  test("whose run is asked to stop a second time without a reason keeps the first one.", () => {
    const asked = inputAfter(running, "cancel", { atMs: 3, reason: "not needed" })!;
    expect(inputAfter(asked, "cancel", { atMs: 4 })).toEqual({ ...asked, updatedAtMs: 4 });
  });

  test("that is cancelled before it began needs no reason.", () => {
    expect(inputAfter(input, "cancel", { atMs: 3 })).toEqual({
      ...input,
      state: "cancelled",
      updatedAtMs: 3,
    });
  });

  test("that was abandoned and is queued again has its tries anew, and its next run another number.", () => {
    const tried = { ...running, attempts: maxAttempts, run: "7.3" };
    const ended = inputAfter(tried, "requeue", { atMs: 3, reason: "worker died" })!;
    const again = inputAfter(ended, "redispatch", { atMs: 4, reason: "mended" });
    expect(again).toEqual({ ...tried, state: "queued", attempts: 0, updatedAtMs: 4 });
    expect(nextAttempt(again!)).toBe(4);
  });

  test("takes no event that cannot happen to it.", () => {
    expect(inputAfter(input, "commit", { atMs: 3 })).toBeNull();
    expect(inputAfter({ ...input, state: "consumed" }, "cancel", { atMs: 3 })).toBeNull();
  });
});

describe("an input's life", () => {
  const states = ["queued", "running", "consumed", "cancelled", "abandoned"] as const;
  const table = {
    claim: ["running", null, null, null, null],
    cancel: ["cancelled", "running", null, null, null],
    commit: [null, "consumed", null, null, null],
    requeue: [null, "queued", null, null, null],
    put_back: [null, "queued", null, null, null],
    give_up: [null, "abandoned", null, null, null],
    redispatch: [null, null, null, null, "queued"],
  } as const;

  test.each(Object.keys(table) as (keyof typeof table)[])("is one total table: %s.", (event) => {
    const next = states.map((state) => nextInputState({ state, attempts: 1 }, event));
    expect(next).toEqual(table[event]);
  });

  test("ends with its third try, unless that was none, and with its cancel in any case.", () => {
    const third = { state: "running", attempts: 3 } as const;
    expect(nextInputState(third, "requeue")).toBe("abandoned");
    expect(nextInputState(third, "put_back")).toBe("queued");
    expect(nextInputState({ ...third, cancelRequested: true }, "put_back")).toBe("cancelled");
    expect(nextInputState({ ...third, cancelRequested: true }, "commit")).toBe("consumed");
  });

  test("numbers its runs on, whether they count or not.", () => {
    expect([nextAttempt({ id: "7" }), nextAttempt({ id: "7", run: "7.12" })]).toEqual([1, 13]);
  });
});

describe("a run", () => {
  test("that is committed carries its receipt, one revision on, and its end.", () => {
    const parts = [{ log: "", from: 3, to: 5, sha256: "a" }];
    const receipt = receiptOf(run, { parts, digest: "d", revision: 4, atMs: 9 });
    expect(receipt).toEqual({
      run: "7.1",
      seq: 1,
      digest: "d",
      entries: 3,
      revision: 5,
      input: "7",
      atMs: 9,
    });
    const ended = { ...run, state: "committed", endedAtMs: 9, outcome: "{}", receipt };
    expect(committedRun(run, receipt, "{}")).toEqual(ended);
  });

  test("that is held has not ended; one that is stopped has.", () => {
    expect(endedRun(run, { as: "held", reason: "look" }, 9)).toEqual({
      ...run,
      state: "held",
      reason: "look",
    });
    const stopped = { ...run, state: "interrupted", reason: "died", endedAtMs: 9 };
    expect(endedRun(run, { as: "interrupted", reason: "died" }, 9)).toEqual(stopped);
  });
});

test("A cursor of runs fits no other filter.", () => {
  const session = { project: "p", session: "s" };
  const filters = [{}, { session }, { state: "held" }, { session, state: "held" }] as const;
  expect(new Set(filters.map(runsFilterKeyOf)).size).toBe(filters.length);
});
