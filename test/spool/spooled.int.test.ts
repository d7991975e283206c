import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Fold, Store } from "../../src/core/store.ts";
import { spooled, type SpooledOptions } from "../../src/open-spool.ts";
import { layered } from "../../src/runtime/layered-store.ts";
import type { SpooledStore, SpoolStatus } from "../../src/runtime/spooled.ts";
import { openSqliteSpool } from "../../src/stores/sqlite/spool/index.ts";
import { onEachStore } from "../runtime/each-store.ts";
import { unreliable } from "../runtime/unreliable.ts";

const root = mkdtempSync(join(tmpdir(), "holdfast-spool-"));
let folders = 0;
let dir: string;

beforeEach(() => (dir = join(root, `${(folders += 1)}`)));
afterAll(() => rmSync(root, { recursive: true, force: true }));

onEachStore((stores) => {
  const remoteOf = async () => {
    const remote = await stores.open();
    return { remote, line: unreliable(remote) };
  };
  const open = async (store: Store, options: Partial<SpooledOptions> = {}): Promise<SpooledStore> =>
    stores.keep(
      await spooled(store, {
        dir,
        retryMs: 1,
        longestRetryMs: 5,
        closeWithinMs: 20,
        lookAgainMs: 5,
        ...options,
      }),
    );

  test("Appends are acknowledged while the store is down, and arrive once and in order when it is back.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store);
    line.fate = () => "not_made";
    const heads: number[] = [];
    for (let n = 1; n <= 30; n += 1) {
      const result = await store.append({
        log: main(`s${n % 3}`),
        entries: [entry(n), { body: `{"bare":${n}}` }],
      });
      heads.push(result.to);
      expect(result.committed).toBe(0);
    }
    expect(heads.slice(-3)).toEqual([20, 20, 20]);
    expect(store.status().depth).toEqual({ sessions: 3, batches: 30, entries: 60 });
    await vi.waitFor(() => expect(store.status().error).toBeDefined());
    // Some answers are lost on the way back: what is sent again is known.
    let calls = 0;
    line.fate = () => ((calls += 1) % 3 === 0 ? "answer_lost" : "answered");
    await vi.waitFor(() => expect(store.status().depth.entries).toBe(0));
    for (const rest of [0, 1, 2]) {
      const wanted = Array.from({ length: 30 }, (_, at) => at + 1)
        .filter((n) => n % 3 === rest)
        .flatMap((n) => [`{"n":${n}}`, `{"bare":${n}}`]);
      expect(await bodies(remote, main(`s${rest}`))).toEqual(wanted);
    }
    expect(store.status().shipped).toBe(60);
  });

  test("A read shows what was appended, or says that it cannot, and never leaves it out.", async () => {
    const { line } = await remoteOf();
    const store = await open(line.store);
    await store.append({ log: main("a"), entries: [entry(1)] });
    expect((await store.read({ log: main("a") })).head).toBe(1);
    expect((await store.sessions()).sessions).toHaveLength(1);
    line.fate = (verb) => (verb === "append" ? "not_made" : "answered");
    await store.append({ log: main("a"), entries: [entry(2)] });
    const reads = [
      () => store.read({ log: main("a") }),
      () => bodies(store, main("a")),
      () => store.session(key("a")),
      () => store.logs(key("a")),
      () => store.describe({ session: key("a"), title: "T" }),
      () => store.drop({ session: key("a"), actor: "ann" }),
    ];
    for (const read of reads)
      await expect(read()).rejects.toMatchObject({ code: "spool_waiting", retryable: true });
    expect((await store.read({ log: main("b") })).head).toBe(0);
    line.fate = () => "answered";
    await vi.waitFor(async () => expect((await store.read({ log: main("a") })).head).toBe(2));
    await store.drain();
  });

  test("What a fenced-out writer has spooled is refused and kept aside, and the writer is told at its next append.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store);
    const lease = await store.acquireLease({ session: key("a"), owner: "w1", leaseMs: 60_000 });
    await store.append({ log: main("a"), entries: [entry(1)], fence: lease });
    await store.drain();
    line.fate = () => "not_made";
    await store.append({ log: main("a"), entries: [entry(2)], fence: lease });
    await store.append({ log: main("b"), entries: [entry(1)] });
    await remote.clearLease({ session: key("a"), actor: "ops" });
    const other = await remote.acquireLease({ session: key("a"), owner: "w2", leaseMs: 60_000 });
    await remote.append({ log: main("a"), entries: [entry(3)], fence: other });
    line.fate = () => "answered";
    await vi.waitFor(() => expect(store.status()).toMatchObject({ depth: { entries: 0 }, aside: 1 }));
    expect(await bodies(remote, main("a"))).toEqual(['{"n":1}', '{"n":3}']);
    expect(await bodies(remote, main("b"))).toEqual(['{"n":1}']);
    const late = store.append({ log: main("a"), entries: [entry(4)], fence: lease });
    await expect(late).rejects.toMatchObject({ code: "lease_lost" });
    const operator = openSqliteSpool({ dir, shared: true });
    const [batch] = [...operator.aside()];
    expect(batch).toMatchObject({
      code: "lease_lost",
      epoch: lease.epoch,
      log: main("a"),
      entries: [entry(2)],
    });
    expect(await operator.retry([batch!.id])).toBe(1);
    await operator.close();
    await vi.waitFor(async () =>
      expect(await bodies(remote, main("a"))).toEqual(['{"n":1}', '{"n":3}', '{"n":2}']),
    );
    await vi.waitFor(() => expect(store.status()).toMatchObject({ depth: { batches: 0 }, aside: 0 }));
  });

  test("Of two writers' batches that wait in one log, the fenced-out one's is kept aside and the other's is sent.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store);
    const old = await remote.acquireLease({ session: key("a"), owner: "w1", leaseMs: 60_000 });
    line.fate = (verb) => (verb === "append" ? "not_made" : "answered");
    await store.append({ log: main("a"), entries: [entry(1)], fence: old });
    await remote.clearLease({ session: key("a"), actor: "ops" });
    const lease = await remote.acquireLease({ session: key("a"), owner: "w2", leaseMs: 60_000 });
    await store.append({ log: main("a"), entries: [entry(2)], fence: lease });
    await store.append({ log: main("a"), entries: [entry(3)], fence: lease });
    line.fate = () => "answered";
    await vi.waitFor(() => expect(store.status()).toMatchObject({ depth: { entries: 0 }, aside: 1 }));
    expect(await bodies(remote, main("a"))).toEqual(['{"n":2}', '{"n":3}']);
  });

  test("What was written to a session that was dropped meanwhile is kept aside.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store);
    await store.append({ log: main("a"), entries: [entry(1)] });
    await store.drain();
    line.fate = () => "not_made";
    await store.append({ log: main("a"), entries: [entry(2)] });
    await remote.drop({ session: key("a"), actor: "ann" });
    line.fate = () => "answered";
    await vi.waitFor(() => expect(store.status()).toMatchObject({ depth: { entries: 0 }, aside: 1 }));
    expect((await remote.read({ log: main("a") })).head).toBe(0);
  });

  test("A session that a run keeps closed waits, and holds up no other.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store);
    await store.admit({ session: key("a"), key: "k", body: "{}" });
    const claim = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
    const of = { session: key("a"), run: claim.run.id, epoch: claim.lease.epoch };
    await store.append({ log: main("a"), entries: [entry(1)], run: claim.run.id, fence: claim.lease });
    await store.append({ log: main("a"), entries: [entry(2)] });
    await store.append({ log: main("b"), entries: [entry(1)] });
    await vi.waitFor(async () => expect((await remote.read({ log: main("b") })).head).toBe(1));
    await expect(store.read({ log: main("a") })).rejects.toMatchObject({ code: "spool_waiting" });
    expect((await store.sessions()).sessions).toHaveLength(1);
    const { parts } = await store.tail({ run: claim.run.id });
    await remote.commit({ ...of, parts, outcome: "{}" });
    await vi.waitFor(async () => expect(await bodies(remote, main("a"))).toEqual(['{"n":1}', '{"n":2}']));
  });

  test("What only the store can decide comes behind what is spooled, and is not made while that cannot be shipped.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store);
    await store.append({ log: main("a"), entries: [entry(1)] });
    const second = await store.append({ log: main("a"), entries: [entry(2)], expectHead: 1 });
    expect(second).toMatchObject({ from: 2, to: 2, committed: 2 });
    line.fate = () => "not_made";
    await store.append({ log: main("a"), entries: [entry(3)] });
    const third = store.append({ log: main("a"), entries: [entry(4)], expectHead: 3 });
    await expect(third).rejects.toMatchObject({ code: "spool_waiting" });
    await expect(store.claim({ worker: "w", leaseMs: 1000 })).rejects.toMatchObject({
      code: "spool_waiting",
    });
    line.fate = () => "answered";
    await vi.waitFor(async () => expect((await remote.read({ log: main("a") })).head).toBe(3));
    expect(await bodies(remote, main("a"))).toEqual([1, 2, 3].map((n) => `{"n":${n}}`));
  });

  test("A batch is refused at once where no store would take it, and nothing of it is spooled.", async () => {
    const { line } = await remoteOf();
    line.fate = () => "not_made";
    const store = await open(line.store);
    const wrong = [
      { log: main(""), entries: [entry(1)], code: "invalid_key" },
      { log: main("a"), entries: [entry(1), { body: "no json" }], code: "invalid_entry" },
      { log: main("a"), entries: [entry(1)], signal: AbortSignal.abort(), code: "aborted" },
    ];
    for (const { code, ...params } of wrong)
      await expect(store.append(params)).rejects.toMatchObject({ code });
    expect(store.status().depth.entries).toBe(0);
  });

  test("What waits already is a duplicate, and what the store has it tells apart.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store);
    line.fate = () => "not_made";
    expect(await store.append({ log: main("a"), entries: [entry(1), entry(1)] })).toMatchObject({
      ...{ from: 1, to: 1, appended: 1, duplicates: 1 },
    });
    expect(await store.append({ log: main("a"), entries: [entry(1), entry(2)] })).toMatchObject({
      ...{ from: 2, to: 2, appended: 1, duplicates: 1 },
    });
    line.fate = () => "answered";
    await vi.waitFor(() => expect(store.status().depth.entries).toBe(0));
    expect(await store.append({ log: main("a"), entries: [entry(3)] })).toMatchObject({
      from: 3,
      committed: 2,
    });
    await store.append({ log: main("a"), entries: [entry(1)] });
    await store.drain();
    expect((await remote.read({ log: main("a") })).head).toBe(3);
  });

  test("What a process leaves is shipped by the next one, with its times, options and the fold of its agent.", async () => {
    const { line } = await remoteOf();
    line.fate = () => "not_made";
    const lefts: SpoolStatus[] = [];
    // It closes what it is given; the far store goes on.
    const far = layered(line.store, { close: async () => undefined });
    const first = await open(far, { onLeft: (left) => lefts.push(left) });
    await first.append({
      log: main("a"),
      entries: [{ ...entry(1), atMs: 5000 }],
      provider: "codex",
      fold: counting,
    });
    await first.append({ log: main("a"), entries: [entry(2)], fold: counting });
    await first.close();
    expect(lefts.map(({ depth }) => depth.entries)).toEqual([2]);
    line.fate = () => "answered";
    const second = await open(far, { foldOf: () => counting });
    await second.drain();
    expect(await second.session(key("a"))).toMatchObject({ provider: "codex", summary: "2", entries: 2 });
    expect((await second.read({ log: main("a") })).entries[0]!.atMs).toBe(5000);
  });

  test("A fold that came with an append is used as long as its process lives.", async () => {
    const { line } = await remoteOf();
    const store = await open(line.store);
    line.fate = () => "not_made";
    for (const n of [1, 2, 3]) await store.append({ log: main("a"), entries: [entry(n)], fold: counting });
    line.fate = () => "answered";
    await vi.waitFor(async () => expect((await store.session(key("a")))!.summary).toBe("3"));
  });

  test("A store that hangs is asked again, and what it took after all is there once.", async () => {
    const { remote, line } = await remoteOf();
    const store = await open(line.store, { answerWithinMs: 20 });
    let calls = 0;
    line.fate = () => ((calls += 1) === 1 ? "hangs" : "answered");
    await store.append({ log: main("a"), entries: [entry(1)] });
    await vi.waitFor(async () => expect((await remote.read({ log: main("a") })).head).toBe(1));
  });

  test("After its close it refuses every verb, and may be closed again.", async () => {
    const { line } = await remoteOf();
    const store = await open(line.store);
    line.fate = () => "not_made";
    await store.append({ log: main("a"), entries: [entry(1)] });
    await store.close();
    await store.close();
    line.fate = () => "answered";
    for (const call of [
      () => store.append({ log: main("a"), entries: [entry(1)] }),
      () => store.read({ log: main("a") }),
      () => store.sessions(),
    ])
      await expect(call()).rejects.toMatchObject({ code: "store_closed" });
  });
});

describe("a spool's folder", () => {
  test("is the user's own, and one process's at a time", async () => {
    const first = openSqliteSpool({ dir });
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of ["spool.db", "lock.db"]) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    expect(() => openSqliteSpool({ dir })).toThrow(expect.objectContaining({ code: "store_busy" }));
    await first.close();
    await openSqliteSpool({ dir }).close();
  });

  test("is refused where it holds something else, and never made by a look", () => {
    expect(() => openSqliteSpool({ dir, shared: true })).toThrow(
      expect.objectContaining({ code: "store_unreachable" }),
    );
    mkdirSync(dir);
    writeFileSync(join(dir, "spool.db"), "no database at all, but long enough to be read as one".repeat(50));
    expect(() => openSqliteSpool({ dir })).toThrow(expect.objectContaining({ code: "store_foreign" }));
  });
});

function key(session: string): SessionKey {
  return { project: "p", session };
}

function main(session: string) {
  return { ...key(session), log: "" };
}

function entry(n: number) {
  return { uuid: `u${n}`, body: `{"n":${n}}` };
}

const counting: Fold = ({ summary }, appended) => ({
  summary: `${(summary === null ? 0 : Number(summary)) + appended.length}`,
  title: null,
});

async function bodies(store: Store, log: ReturnType<typeof main>): Promise<string[]> {
  const found: string[] = [];
  for await (const piece of store.scan({ log })) found.push(...piece);
  return found;
}
