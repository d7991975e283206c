import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { openMemoryStore } from "../stores/memory/index.ts";
import {
  blockHash,
  type Move,
  pagesInOrder,
  readingOrder,
  recordMove,
  scanInOrder,
  segmentsOf,
  tailInOrder,
} from "./reading-order.ts";
import type { ReadParams, Store } from "./store.ts";

const log = { project: "p", session: "s", log: "" };
let store: Store;

beforeEach(async () => {
  store = openMemoryStore();
  await store.append({
    log,
    entries: [1, 2, 3, 4, 5, 6].map((n) => ({ body: `{"n":${n}}`, uuid: `u${n}` })),
  });
});

function move(after: number, from: number, to: number): Move {
  const bodies = Array.from({ length: to - from + 1 }, (_, index) => `{"n":${from + index}}`);
  return { log: "", after, from, to, hash: blockHash(bodies) };
}

async function scanned(): Promise<string[]> {
  const bodies: string[] = [];
  for await (const piece of scanInOrder(store, log)) bodies.push(...piece);
  return bodies.map((body) => /\d+/.exec(body)![0]);
}

async function paged(limit: number): Promise<number[]> {
  const seqs: number[] = [];
  for await (const page of pagesInOrder(store, log, limit)) {
    expect(page.length).toBeLessThanOrEqual(limit);
    seqs.push(...page.map(({ seq }) => seq));
  }
  return seqs;
}

describe("the reading order", () => {
  test("is the order of the log where nothing was moved", async () => {
    expect((await readingOrder(store, log)).segments).toEqual([{ from: 1, to: 6 }]);
    expect((await readingOrder(store, { ...log, log: "none" })).segments).toEqual([]);
    expect(await scanned()).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("puts a block that came late where it belongs, in scans, pages and tails alike", async () => {
    await recordMove(store, log, move(2, 5, 6));
    expect(await scanned()).toEqual(["1", "2", "5", "6", "3", "4"]);
    expect(await paged(2)).toEqual([1, 2, 5, 6, 3, 4]);
    expect((await tailInOrder(store, log, 3)).map(({ seq }) => seq)).toEqual([6, 3, 4]);
    expect((await tailInOrder(store, log, 100)).map(({ seq }) => seq)).toEqual([1, 2, 5, 6, 3, 4]);
    await recordMove(store, log, move(0, 4, 4));
    expect(await scanned()).toEqual(["4", "1", "2", "5", "6", "3"]);
  });

  test("goes on with what is appended later, and leaves the log itself as it was", async () => {
    await recordMove(store, log, move(2, 5, 6));
    await store.append({ log, entries: [{ body: '{"n":7}' }] });
    expect(await scanned()).toEqual(["1", "2", "5", "6", "3", "4", "7"]);
    expect((await store.read({ log })).entries.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  test.each([
    ["whose block was never stored", move(2, 7, 8)],
    ["whose place was taken by another writer", { ...move(2, 5, 6), hash: move(2, 4, 5).hash }],
    ["of another log", { ...move(2, 5, 6), log: "subagents/agent-1" }],
  ])("does not follow a move %s", async (_, broken) => {
    await recordMove(store, log, broken);
    expect((await readingOrder(store, log)).segments).toEqual([{ from: 1, to: 6 }]);
  });

  test("never mixes a log with the one that began anew under its name", async () => {
    await recordMove(store, log, move(2, 5, 6));
    const pieces = scanInOrder(store, log);
    expect((await pieces.next()).value).toEqual(['{"n":1}', '{"n":2}']);
    await store.drop({ session: log, actor: "test", sealed: false });
    const again = Array.from({ length: 6 }, (_, n) => ({ body: `{"again":${n}}` }));
    await store.append({ log, entries: again, reopen: "unsealed" });
    await expect(pieces.next()).rejects.toMatchObject({ code: "session_dropped" });
  });

  test("leaves out a block that was stored, with its move, after the end was found", async () => {
    const beside: Store = Object.create(store, {
      read: {
        value: async (params: ReadParams) => {
          const found = await store.read(params);
          if (params.log.log !== "" || params.limit !== 1 || found.head > 6) return found;
          await recordMove(store, log, move(2, 7, 8));
          await store.append({ log, entries: [{ body: '{"n":7}' }, { body: '{"n":8}' }] });
          return found;
        },
      },
    });
    expect((await readingOrder(beside, log)).segments).toEqual([{ from: 1, to: 6 }]);
    expect(await scanned()).toEqual(["1", "2", "7", "8", "3", "4", "5", "6"]);
  });

  test("follows thousands of moves", () => {
    const moves = Array.from({ length: 4000 }, (_, at) => move(at + 1, 4002 + at, 4002 + at));
    const order = segmentsOf(8001, moves);
    expect(order.length).toBe(8001);
    expect(order.slice(0, 4)).toEqual([1, 4002, 2, 4003].map((seq) => ({ from: seq, to: seq })));
  });

  test("holds each entry once, whatever was moved", () => {
    const head = 12;
    const moves = fc.array(
      fc
        .tuple(fc.nat(head), fc.integer({ min: 1, max: head }), fc.nat(3))
        .map(([after, from, more]) => move(after, from, Math.min(head, from + more)))
        .filter(({ after, from, to }) => after < from || after > to),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(moves, (all) => {
        let expected = Array.from({ length: head }, (_, index) => index + 1);
        for (const { after, from, to } of all) {
          const isMoved = (seq: number): boolean => from <= seq && seq <= to;
          const rest = expected.filter((seq) => !isMoved(seq));
          const block = Array.from({ length: to - from + 1 }, (_, index) => from + index);
          const at = rest.indexOf(after) + 1;
          expected = [...rest.slice(0, at), ...block, ...rest.slice(at)];
        }
        const seqs = segmentsOf(head, all).flatMap(({ from, to }) =>
          Array.from({ length: to - from + 1 }, (_, index) => from + index),
        );
        expect(seqs).toEqual(expected);
      }),
    );
  });
});
