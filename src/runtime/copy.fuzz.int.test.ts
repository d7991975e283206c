import fc from "fast-check";
import { expect, test } from "vitest";
import { withVerbs } from "../../test/chaos/with-verbs.ts";
import { logOf, sessionOf } from "../../test/runtime/full-store.ts";
import { onEachPair } from "../../test/runtime/store-pairs.ts";
import type { Store } from "../core/store.ts";
import { noTokens } from "../core/usage.ts";
import { copyStore } from "./copy.ts";
import { compareStores } from "./parity.ts";

const seed = Number(process.env["HOLDFAST_COPY_SEED"] ?? 20_261_121);

type Step = (store: Store) => Promise<unknown>;

/** What happens at the source, then how far the next copy comes before it is stopped or breaks. */
interface Round {
  readonly steps: readonly Step[];
  readonly writes: number;
  readonly end: "stopped" | "broken";
  readonly resume: boolean;
}

onEachPair(({ open, tries }) => {
  test("Whatever was written and however often the copy was cut off, both stores end alike.", async () => {
    const rounds = fc.array(round(), { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(rounds, async (given) => {
      const { from, to } = await open();
      for (const { steps, writes, end, resume } of given) {
        for (const step of steps) await step(from);
        await copyUntil({ from, to, writes, end, resume });
      }
      const { parity } = await copyStore({ from, to, resume: true });
      expect(parity?.differences).toEqual([]);
      expect((await compareStores({ from, to })).differences).toEqual([]);
      expect(await entriesIn(to)).toEqual(await entriesIn(from));
      expect(await rowsIn(to)).toEqual(await rowsIn(from));
      expect((await to.tombstones()).length).toBe((await from.tombstones()).length);
      await Promise.all([from.close(), to.close()]);
    });
    await fc.assert(property, { seed, numRuns: tries(25) });
  }, 120_000);
});

async function copyUntil({
  from,
  to,
  writes,
  end,
  resume,
}: Omit<Round, "steps"> & { readonly from: Store; readonly to: Store }): Promise<void> {
  const stop = new AbortController();
  let left = writes;
  const count = <Params, Result>(verb: (params: Params) => Promise<Result>) => {
    return async (params: Params): Promise<Result> => {
      left -= 1;
      if (left >= 0) return await verb.call(to, params);
      if (end === "broken") throw new Error("The connection is gone.");
      stop.abort();
      return await verb.call(to, params);
    };
  };
  const cut = withVerbs(to, {
    append: count((params: Parameters<Store["append"]>[0]) => to.append(params)),
    adopt: count((params: Parameters<Store["adopt"]>[0]) => to.adopt(params)),
    putBlob: count((params: Parameters<Store["putBlob"]>[0]) => to.putBlob(params)),
  });
  try {
    await copyStore({ from, to: cut, resume, signal: stop.signal });
  } catch (error) {
    expect(String(error)).toMatch(/connection is gone/);
  }
}

/** By name: of the same time, a list has those first that it took last. */
async function rowsIn(store: Store) {
  const { sessions } = await store.sessions();
  return sessions.toSorted((a, b) => (a.session < b.session ? -1 : 1));
}

async function entriesIn(store: Store): Promise<unknown[]> {
  const found: unknown[] = [];
  for (const key of await store.keys({ limit: 1000 }))
    for (const { log } of await store.logs(key)) {
      const { entries } = await store.read({ log: { ...key, log } });
      found.push([key, log, entries]);
    }
  return found;
}

function round(): fc.Arbitrary<Round> {
  return fc.record({
    steps: fc.array(step(), { minLength: 1, maxLength: 8 }),
    writes: fc.integer({ min: 0, max: 12 }),
    end: fc.constantFrom("stopped" as const, "broken" as const),
    resume: fc.boolean(),
  });
}

const session = fc.constantFrom("a", "b", "c");
const log = fc.constantFrom("", "", "subagents/x", "@run/1.1");

function step(): fc.Arbitrary<Step> {
  return fc.oneof(
    { arbitrary: append(), weight: 6 },
    { arbitrary: describeStep(), weight: 1 },
    { arbitrary: blob(), weight: 1 },
    { arbitrary: drop(), weight: 1 },
    { arbitrary: usage(), weight: 1 },
    { arbitrary: cancelled(), weight: 1 },
  );
}

function append(): fc.Arbitrary<Step> {
  const entry = fc.record(
    {
      body: fc.json().map((text) => `{"v":${text}}`),
      uuid: fc.uuid(),
      atMs: fc.integer({ min: 0, max: 1e12 }),
    },
    { requiredKeys: ["body"] },
  );
  return fc
    .record({ session, log, entries: fc.array(entry, { minLength: 1, maxLength: 6 }) })
    .map(
      (given) => (store) =>
        unlessDropped(store.append({ log: logOf(given.session, given.log), entries: given.entries })),
    );
}

// A session that was dropped takes nothing here.
async function unlessDropped(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => expect(String(error)).toMatch(/was dropped|no session/));
}

function describeStep(): fc.Arbitrary<Step> {
  return fc
    .record({ session, title: fc.constantFrom("One", "Two", null) })
    .map(
      (given) => (store) =>
        unlessDropped(store.describe({ session: sessionOf(given.session), title: given.title })),
    );
}

function blob(): fc.Arbitrary<Step> {
  return fc
    .record({ session, bytes: fc.uint8Array({ maxLength: 3 }) })
    .map(
      (given) => (store) =>
        unlessDropped(store.putBlob({ session: sessionOf(given.session), bytes: given.bytes })),
    );
}

function drop(): fc.Arbitrary<Step> {
  return fc
    .record({ session, sealed: fc.boolean() })
    .map(
      (given) => (store) =>
        store.drop({ session: sessionOf(given.session), actor: "ann", sealed: given.sealed }),
    );
}

function usage(): fc.Arbitrary<Step> {
  const tokens = fc.integer({ min: 1, max: 9 }).map((input) => ({ ...noTokens, input }));
  return fc.record({ session, key: fc.constantFrom("m1", "m2"), tokens }).map(
    ({ session: name, key, tokens: used }) =>
      (store) =>
        store.recordUsage({
          session: sessionOf(name),
          rows: [{ key: `${name} ${key}`, model: "m", atMs: 1, tokens: used, microDollars: null }],
        }),
  );
}

function cancelled(): fc.Arbitrary<Step> {
  return fc.record({ session, key: fc.uuid() }).map(({ session: name, key }) => async (store) => {
    const of = sessionOf(name);
    await unlessDropped(
      store.admit({ session: of, key, body: "{}" }).then(async ({ input }) => {
        await store.cancel({ session: of, input: input.id, actor: "ann" });
      }),
    );
  });
}
