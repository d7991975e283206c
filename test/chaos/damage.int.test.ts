import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

const session = { project: "p", session: "s" };
const main = { ...session, log: "" };
let folder: string;
let path: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-damage-"));
  path = join(folder, "holdfast.db");
  store = openSqliteStore({ path });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("a row that no Holdfast could have written", () => {
  test.each([
    ["a lease without an epoch", "UPDATE lane SET owner = 'w', epoch = 0, until_ms = 9"],
    ["a lease that ends before it begins", "UPDATE lane SET owner = 'w', since_ms = 9, until_ms = 9"],
    ["a running run without a run", "UPDATE lane SET running = 1, open_run = NULL"],
    ["a queue without a priority", "UPDATE lane SET next_input = 1, next_priority = NULL"],
    ["a running input without a run", "UPDATE input SET state = 'running', run = NULL"],
    ["an input in no known state", "UPDATE input SET state = 'lost'"],
    [
      "a key that is known",
      "INSERT INTO input (project, session, key, body, provider, priority, state, admitted_at_ms, updated_at_ms) SELECT project, session, key, body, provider, priority, 'queued', admitted_at_ms, updated_at_ms FROM input",
    ],
    [
      "a committed run without a receipt",
      "UPDATE run SET digest = NULL, receipt_entries = NULL, receipt_revision = NULL",
    ],
    ["half a receipt", "UPDATE run SET receipt_revision = NULL"],
    ["a receipt of a run that is not committed", "UPDATE run SET state = 'interrupted'"],
    [
      "an open run that has ended",
      "UPDATE run SET state = 'held', digest = NULL, receipt_entries = NULL, receipt_revision = NULL",
    ],
    ["a committed end beyond the head", "UPDATE log SET committed = head + 1"],
  ])("is refused by the file itself: %s", async (_, sql) => {
    const claim = await begun();
    await commit(claim, 2);
    expect(() => damage(sql)).toThrow(/constraint failed/);
  });
});

describe("a damaged body", () => {
  test("keeps no list, row, run or look-up by key from its answer", async () => {
    await commit(await begun(), 2);
    damage("UPDATE chunk SET bodies = 'no', times = '[]'", "UPDATE input SET body = 'no'");
    expect((await store.sessions()).sessions).toMatchObject([{ session: "s", entries: 2, revision: 1 }]);
    expect(await store.session(session)).toMatchObject({ mainHead: 2 });
    expect((await store.runs()).runs).toMatchObject([{ state: "committed" }]);
    expect(await store.inputs({ session, key: "k" })).toMatchObject([{ key: "k", state: "consumed" }]);
    await expect(store.admit({ session, key: "k", body: "{}" })).rejects.toMatchObject({
      code: "input_conflict",
    });
    expect((await store.health({ deep: true })).problems).not.toEqual([]);
  });

  test("that was staged is never committed under the hash of what was written", async () => {
    const claim = await begun();
    const parts = await staged(claim, 2);
    damage("UPDATE chunk SET bodies = replace(bodies, '\"n\":1', '\"n\":7')");
    const params = { session, run: claim.run.id, epoch: claim.lease.epoch, parts, outcome: "{}" };
    await expect(store.commit(params)).rejects.toMatchObject({ code: "tail_mismatch" });
    expect(await store.session(session)).toBe(null);
  });

  test.each([
    ["is missing", "DELETE FROM chunk WHERE first_seq = 2"],
    [
      "was added",
      "INSERT INTO chunk SELECT log_id, 4, 4, times, uuids, bodies FROM chunk WHERE first_seq = 3",
    ],
  ])("that was staged and %s is never committed", async (_, sql) => {
    const claim = await begun();
    for (let n = 1; n <= 3; n += 1) await stage(claim, n);
    const { parts } = await store.tail({ run: claim.run.id });
    damage(sql);
    const params = { session, run: claim.run.id, epoch: claim.lease.epoch, parts, outcome: "{}" };
    await expect(store.commit(params)).rejects.toMatchObject({
      code: expect.stringMatching(/tail_mismatch|store_corrupt/),
    });
    expect(await store.session(session)).toBe(null);
  });
});

describe("a hole", () => {
  test("in a log is named, and no reader gets what looks whole", async () => {
    for (let n = 1; n <= 3; n += 1) await store.append({ log: main, entries: [{ body: `{"n":${n}}` }] });
    damage("DELETE FROM chunk WHERE first_seq = 2");
    expect((await store.health({ deep: true })).problems).toEqual(['Log "" of session s is not whole.']);
    await expect(store.read({ log: main })).rejects.toMatchObject({ code: "store_corrupt" });
  });

  test("in the change feed is told with its place, and nothing is read across it", async () => {
    for (let n = 1; n <= 3; n += 1) await store.append({ log: main, entries: [{ body: `{"n":${n}}` }] });
    damage("DELETE FROM change WHERE seq = 2");
    expect((await store.health({ deep: true })).problems).toEqual(["The change feed has no row 2."]);
    await expect(store.changes({ after: 0 })).rejects.toMatchObject({
      code: "store_corrupt",
      data: { seq: 2 },
    });
    await expect(store.changes({ after: 1 })).rejects.toMatchObject({
      code: "store_corrupt",
      data: { seq: 2 },
    });
    expect((await store.changes({ after: 2 })).changes).toMatchObject([{ seq: 3 }]);
  });
});

async function begun(): Promise<Claim> {
  await store.admit({ session, key: "k", body: '{"prompt":"x"}' });
  return (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
}

async function stage({ run, lease }: Claim, n: number): Promise<void> {
  await store.append({ log: main, entries: [{ body: `{"n":${n}}` }], fence: lease, run: run.id });
}

async function staged(claim: Claim, count: number) {
  for (let n = 1; n <= count; n += 1) await stage(claim, n);
  return (await store.tail({ run: claim.run.id })).parts;
}

async function commit(claim: Claim, count: number): Promise<void> {
  const parts = await staged(claim, count);
  await store.commit({ session, run: claim.run.id, epoch: claim.lease.epoch, parts, outcome: "{}" });
}

/** Writes into the file beside the store, as a disk or a hand might. */
function damage(...statements: readonly string[]): void {
  const file = new DatabaseSync(path);
  try {
    for (const sql of statements) file.exec(sql);
  } finally {
    file.close();
  }
}
