import { expect, test, vi } from "vitest";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Fold } from "../../src/core/store.ts";
import type { MirrorLag } from "../../src/runtime/mirror-feed.ts";
import type { MirrorFlag } from "../../src/runtime/mirror-reads.ts";
import type { MirrorDifference } from "../../src/runtime/mirror-shadow.ts";
import { mirrored, type MirroredOptions } from "../../src/runtime/mirrored.ts";
import { onEachStore } from "../runtime/each-store.ts";
import { expectMirrored } from "./same-content.ts";
import { unreliable } from "../runtime/unreliable.ts";

onEachStore((stores) => {
  const pairOf = async (options: Partial<MirroredOptions> = {}) => {
    const primary = await stores.open();
    const line = unreliable(await stores.open());
    const mirror = stores.keep(
      mirrored(primary, line.store, { flag: "dual", retryMs: 1, longestRetryMs: 5, ...options }),
    );
    return { primary, line, secondary: line.store, mirror };
  };

  test("A secondary that is down costs no write anything, is told of with its error, and heals by itself.", async () => {
    const lags: MirrorLag[] = [];
    const { primary, line, secondary, mirror } = await pairOf({ onLag: (lag) => lags.push(lag) });
    line.fate = () => "not_made";
    for (let n = 1; n <= 5; n += 1) await mirror.append({ log: main("a"), entries: [entry(n)] });
    await vi.waitFor(() => expect(lags.some(({ behind, error }) => behind === 5 && error)).toBe(true));
    expect(lags.find(({ behind }) => behind === 5)!.sinceMs).toBeLessThanOrEqual(Date.now());
    line.fate = () => "answered";
    await expectMirrored(mirror, primary, secondary);
    await vi.waitFor(() => expect(lags.at(-1)).toEqual({ behind: 0, sinceMs: null }));
    expect((await mirror.status()).failures).toBeGreaterThan(0);
  });

  test("A secondary that hangs holds up no write and no read.", async () => {
    const { line, mirror } = await pairOf({ flag: "promoted", patienceMs: 20, closeWithinMs: 20 });
    await mirror.append({ log: main("a"), entries: [entry(1)] });
    await mirror.caughtUp();
    line.fate = () => "hangs";
    expect((await mirror.read({ log: main("a") })).head).toBe(1);
    await mirror.append({ log: main("a"), entries: [entry(2)] });
    expect((await mirror.read({ log: main("a") })).head).toBe(2);
    expect((await mirror.status()).fallbacks).toBeGreaterThanOrEqual(2);
    line.fate = () => "answered";
  });

  test("The secondary is fed behind the primary's commit, and never with what the primary refused.", async () => {
    const { line, mirror } = await pairOf();
    const refused = mirror.append({ log: main("a"), entries: [entry(1)], expectHead: 7 });
    await expect(refused).rejects.toMatchObject({ code: "head_conflict" });
    const lease = await mirror.acquireLease({ session: key("a"), owner: "w", leaseMs: 60_000 });
    await mirror.admit({ session: key("b"), key: "k", body: "{}" });
    const claim = (await mirror.claim({ worker: "w", leaseMs: 60_000, session: "b" }))!;
    await mirror.append({ log: main("b"), entries: [entry(1)], run: claim.run.id, fence: claim.lease });
    await mirror.append({ log: main("a"), entries: [entry(1)], fence: lease });
    await mirror.caughtUp();
    expect((await line.store.read({ log: main("b") })).head).toBe(0);
    expect((await line.store.read({ log: main("a") })).head).toBe(1);
  });

  test("Off feeds nothing, and dual goes on from there, switched live.", async () => {
    let flag: MirrorFlag = "off";
    const { primary, line, secondary, mirror } = await pairOf({ flag: () => flag });
    await mirror.append({ log: main("a"), entries: [entry(1)] });
    expect(await mirror.caughtUp(AbortSignal.timeout(50))).toBe(false);
    expect(line.calls).not.toContain("append");
    flag = "dual";
    await expectMirrored(mirror, primary, secondary);
    flag = "off";
    await vi.waitFor(async () => {
      await mirror.append({ log: main("a"), entries: [{ body: "{}" }] });
      expect(await mirror.caughtUp(AbortSignal.timeout(100))).toBe(false);
    });
    flag = "dual";
    await expectMirrored(mirror, primary, secondary);
  });

  test("Title, labels, summary and resume key follow, and what is taken back too.", async () => {
    const { primary, secondary, mirror } = await pairOf();
    await mirror.append({ log: main("a"), entries: [{ ...entry(1), atMs: 5000 }], fold: counting });
    await mirror.describe({
      session: key("a"),
      labels: { x: "1", y: "2" },
      resume: { key: "k", token: "t" },
    });
    await expectMirrored(mirror, primary, secondary);
    expect((await secondary.read({ log: main("a") })).entries[0]!.atMs).toBe(5000);
    await mirror.append({ log: main("a"), entries: [entry(2)], fold: counting });
    await mirror.describe({ session: key("a"), title: "Mine", labels: { x: null, y: "3" }, resume: null });
    await expectMirrored(mirror, primary, secondary);
    await mirror.append({ log: main("a"), entries: [entry(3)], fold: counting });
    await expectMirrored(mirror, primary, secondary);
    // A title that the user gave is the user's there too.
    await secondary.append({ log: main("a"), entries: [entry(4)], fold: counting });
    expect((await secondary.session(key("a")))!.title).toBe("Mine");
  });

  test("A drop is made there with its actor and reason, also of what was never there, and a new beginning follows.", async () => {
    const { primary, line, secondary, mirror } = await pairOf();
    line.fate = () => "not_made";
    await mirror.append({ log: main("a"), entries: [entry(1), entry(2)] });
    await mirror.append({ log: main("b"), entries: [entry(1)] });
    for (const name of ["a", "b"])
      await mirror.drop({ session: key(name), actor: "ann", reason: "asked", sealed: name === "b" });
    await mirror.append({ log: main("a"), entries: [entry(2), entry(3)], reopen: "unsealed" });
    line.fate = () => "answered";
    await expectMirrored(mirror, primary, secondary);
    expect(await secondary.tombstone(key("b"))).toMatchObject({
      actor: "ann",
      reason: "asked",
      sealed: true,
    });
    const late = secondary.append({ log: main("b"), entries: [entry(1)] });
    await expect(late).rejects.toMatchObject({ code: "session_dropped" });
    expect((await secondary.read({ log: main("a") })).head).toBe(2);
  });

  test("A log that began anew with other entries while the secondary was down is that log there too.", async () => {
    const { primary, line, secondary, mirror } = await pairOf();
    await mirror.append({ log: main("a"), entries: [entry(1), entry(2)] });
    await mirror.caughtUp();
    line.fate = () => "not_made";
    await mirror.append({ log: main("a"), entries: [entry(3)] });
    // More than a step takes: the one that sees the append does not see the drop.
    await Promise.all(
      Array.from({ length: 600 }, (_, n) => mirror.append({ log: main("b"), entries: [entry(n)] })),
    );
    await mirror.drop({ session: key("a"), log: "", actor: "ann" });
    await mirror.append({ log: main("a"), entries: [entry(9), entry(8), entry(7), entry(6)] });
    line.fate = () => "answered";
    await expectMirrored(mirror, primary, secondary);
  });

  test("A secondary that was replaced by an empty one is filled anew from the first change.", async () => {
    const { primary, mirror } = await pairOf();
    await mirror.append({ log: main("a"), entries: [entry(1), entry(2)] });
    await mirror.caughtUp();
    const fresh = await stores.open();
    const second = stores.keep(mirrored(primary, fresh, { flag: "dual" }));
    await expectMirrored(second, primary, fresh);
  });

  test("What is there already, from a copy, is proved and gone on from, and not stored twice.", async () => {
    const { primary, secondary, mirror } = await pairOf({ flag: "off" });
    const bare = [{ body: '{"n":1}' }, { body: '{"n":2}' }];
    for (const store of [primary, secondary]) await store.append({ log: main("a"), entries: bare });
    await primary.append({ log: main("a"), entries: [{ body: '{"n":3}' }] });
    const second = stores.keep(mirrored(primary, secondary, { flag: "dual" }));
    expect(await second.caughtUp(AbortSignal.timeout(5000))).toBe(true);
    const { entries } = await secondary.read({ log: main("a") });
    expect(entries.map(({ body }) => body)).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
    await mirror.close();
  });

  test("A secondary that holds something else stops the mirror with its name, and is never written over.", async () => {
    const { secondary, mirror } = await pairOf();
    await mirror.append({ log: main("a"), entries: [entry(1)] });
    await mirror.caughtUp();
    await secondary.append({ log: main("a"), entries: [{ body: '{"foreign":1}' }] });
    await mirror.append({ log: main("a"), entries: [entry(2)] });
    await vi.waitFor(async () => expect((await mirror.status()).error).toBeDefined());
    const { error, behind } = await mirror.status();
    expect([String(error), behind]).toEqual([expect.stringContaining("session a"), 1]);
    expect((await secondary.read({ log: main("a") })).entries.map(({ body }) => body)).toContain(
      '{"foreign":1}',
    );
    await secondary.drop({ session: key("a"), actor: "ops" });
    expect(await mirror.caughtUp(AbortSignal.timeout(5000))).toBe(true);
    expect((await secondary.read({ log: main("a") })).head).toBe(2);
  });

  test("Two processes that feed one secondary leave each entry there once.", async () => {
    const { primary, secondary, mirror } = await pairOf();
    const second = stores.keep(
      mirrored(await stores.again(primary), secondary, { flag: "dual", retryMs: 1, longestRetryMs: 5 }),
    );
    for (let n = 1; n <= 40; n += 1)
      await mirror.append({ log: main(`s${n % 3}`), entries: [{ body: `{"n":${n}}` }, { body: "{}" }] });
    await expectMirrored(second, primary, secondary);
    await expectMirrored(mirror, primary, secondary);
    expect((await mirror.status()).error).toBeUndefined();
  });

  test("Shadow answers from the primary, and tells each difference with its place.", async () => {
    const found: MirrorDifference[] = [];
    const { line, mirror } = await pairOf({
      flag: "shadow",
      onDifference: (difference) => found.push(difference),
    });
    await mirror.append({ log: main("a"), entries: [entry(1), entry(2)] });
    await mirror.caughtUp();
    const answers = [
      await mirror.read({ log: main("a") }),
      await mirror.logs(key("a")),
      await mirror.session(key("a")),
      await mirror.sessions(),
      await mirror.tombstone(key("a")),
    ];
    for await (const _ of mirror.scan({ log: main("a") }));
    await vi.waitFor(async () => expect((await mirror.status()).compared).toBe(6));
    expect((await mirror.status()).differences).toBe(0);
    expect(answers[0]).toMatchObject({ head: 2 });
    await line.store.append({ log: main("a"), entries: [{ body: '{"foreign":1}' }] });
    await line.store.describe({ session: key("a"), title: "Other" });
    expect((await mirror.read({ log: main("a") })).head).toBe(2);
    await mirror.session(key("a"));
    await mirror.sessions();
    for await (const _ of mirror.scan({ log: main("a") }));
    await vi.waitFor(async () => expect((await mirror.status()).differences).toBe(4));
    const told = found.map(({ verb, what }) => `${verb}: ${what}`).toSorted();
    expect(told).toEqual(["read: head", "scan: count", "session: title", "session: title"]);
  });

  test("Promoted reads are the secondary's once it has all of the session, and the primary's until then.", async () => {
    const { line, secondary, mirror } = await pairOf({ flag: "promoted" });
    await mirror.append({ log: main("a"), entries: [entry(1)] });
    await mirror.append({ log: main("b"), entries: [entry(1)] });
    await mirror.caughtUp();
    line.calls.length = 0;
    expect((await mirror.read({ log: main("a") })).head).toBe(1);
    expect((await mirror.sessions()).sessions).toHaveLength(2);
    expect(line.calls).toEqual(expect.arrayContaining(["read", "sessions"]));
    line.fate = (verb) => (verb === "append" ? "not_made" : "answered");
    await mirror.append({ log: main("a"), entries: [entry(2)] });
    expect((await mirror.read({ log: main("a") })).head).toBe(2);
    const bodies: string[] = [];
    for await (const piece of mirror.scan({ log: main("a") })) bodies.push(...piece);
    expect(bodies).toHaveLength(2);
    const before = await mirror.status();
    expect((await mirror.read({ log: main("b") })).head).toBe(1);
    const after = await mirror.status();
    expect([after.promoted - before.promoted, after.fallbacks - before.fallbacks]).toEqual([1, 0]);
    line.fate = () => "answered";
    expect((await secondary.read({ log: main("b") })).head).toBe(1);
  });

  test("A list and a log that were begun at one store go on there when the flag is switched.", async () => {
    let flag: MirrorFlag = "promoted";
    const { mirror, primary } = await pairOf({ flag: () => flag });
    // Other ids than the primary's, so that one taken for the other would be noticed.
    await primary.append({ log: main("z"), entries: [entry(1)] });
    await primary.drop({ session: key("z"), actor: "ann" });
    for (const name of ["a", "b", "c"])
      await mirror.append({ log: main(name), entries: [entry(1), entry(2)] });
    await mirror.caughtUp();
    const first = await mirror.sessions({ limit: 2 });
    const page = await mirror.read({ log: main("a"), limit: 1 });
    flag = "dual";
    const rest = await mirror.sessions({ limit: 2, cursor: first.cursor! });
    const names = [...first.sessions, ...rest.sessions].map(({ session }) => session);
    expect(names.toSorted()).toEqual(["a", "b", "c"]);
    const next = await mirror.read({ log: main("a"), after: 1, id: page.id! });
    expect(next.entries.map(({ seq }) => seq)).toEqual([2]);
    const here = await mirror.read({ log: main("a"), limit: 1 });
    flag = "promoted";
    expect((await mirror.read({ log: main("a"), after: 1, id: here.id! })).entries).toHaveLength(1);
  });

  test("A close waits for no secondary that hangs for ever, and closes both.", async () => {
    const { line, primary, mirror } = await pairOf({ closeWithinMs: 20 });
    await mirror.caughtUp();
    line.fate = () => "hangs";
    await mirror.append({ log: main("a"), entries: [entry(1)] });
    await mirror.close();
    line.fate = () => "answered";
    await expect(primary.projections()).rejects.toMatchObject({ code: "store_closed" });
    await expect(line.store.projections()).rejects.toMatchObject({ code: "store_closed" });
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

const counting: Fold = ({ summary }, appended) => {
  const count = (summary === null ? 0 : Number(summary)) + appended.length;
  return { summary: `${count}`, title: `${count} entries` };
};
