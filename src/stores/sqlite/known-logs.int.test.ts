import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openSqliteStore } from "./index.ts";

let folder: string;
let ours: Store;
let other: Store;
const session = { project: "p", session: "s" };
const log = { ...session, log: "" };
const entry = (n: number) => ({ body: `{"n":${n}}`, uuid: `u-${n}` });
const bodies = async () => (await ours.read({ log })).entries.map(({ body }) => body);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-known-"));
  ours = openSqliteStore({ path: join(folder, "holdfast.db") });
  other = openSqliteStore({ path: join(folder, "holdfast.db") });
  await ours.append({ log, entries: [entry(1)] });
});

afterEach(async () => {
  await ours.close();
  await other.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a log that another process has written since", () => {
  test("is appended to behind what the other added, and each uuid is there once", async () => {
    await other.append({ log, entries: [entry(2), entry(3)] });
    const answer = await ours.append({ log, entries: [entry(3), entry(4)] });
    expect(answer).toEqual({ from: 4, to: 4, appended: 1, duplicates: 1, committed: 4 });
    expect(await other.append({ log, entries: [entry(4), entry(5)] })).toMatchObject({
      from: 5,
      appended: 1,
    });
    expect(await ours.append({ log, entries: [entry(5)] })).toMatchObject({ appended: 0, duplicates: 1 });
    expect(await bodies()).toEqual([1, 2, 3, 4, 5].map((n) => entry(n).body));
    expect(await ours.session(session)).toMatchObject({ mainHead: 5, entries: 5 });
  });

  test("is judged by the head that it has now", async () => {
    await other.append({ log, entries: [entry(2)] });
    await expect(ours.append({ log, entries: [entry(3)], expectHead: 1 })).rejects.toMatchObject({
      code: "head_conflict",
      data: { expected: 1, head: 2 },
    });
    expect(await ours.append({ log, entries: [entry(3)], expectHead: 2 })).toMatchObject({ from: 3 });
  });

  test("takes nothing behind what a run there has staged", async () => {
    await other.admit({ session, key: "k-1", body: "{}" });
    const claim = (await other.claim({ worker: "w-1", leaseMs: 60_000 }))!;
    await other.append({ log, entries: [entry(2)], fence: claim.lease, run: claim.run.id });
    await expect(ours.append({ log, entries: [entry(3)] })).rejects.toMatchObject({ code: "session_busy" });
    expect(await bodies()).toEqual([entry(1).body]);
  });

  test("stays dropped, and where it began anew takes what the former one held", async () => {
    await other.drop({ session, actor: "test", sealed: false });
    await expect(ours.append({ log, entries: [entry(2)] })).rejects.toMatchObject({
      code: "session_dropped",
    });
    await other.append({ log, entries: [entry(7)], reopen: "unsealed" });
    expect(await ours.append({ log, entries: [entry(1), entry(7)] })).toMatchObject({ from: 2, appended: 1 });
    expect(await bodies()).toEqual([entry(7).body, entry(1).body]);
  });
});
