import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, plain, refused, sessionKey } from "./samples.ts";
import { admitTo, begin, commitOf, leaseMs, startMs, workSnapshot } from "./work-samples.ts";

const session = sessionKey();
const body = '{"ask":"x"}';

/** Inputs, durable before they are acknowledged, once for each key. */
export function admitTests({ describe, test }: StoreTests): void {
  describe("admit", () => {
    test("Queues an input and gives it back as it is kept.", async (store, clock) => {
      clock.stopAt(startMs);
      const { input, admitted } = await store.admit({ session, key: "k-1", body });
      assert.equal(admitted, true);
      const { id, ...rest } = input;
      assert.ok(typeof id === "string" && id !== "");
      assert.deepEqual(rest, {
        ...session,
        key: "k-1",
        body,
        provider: "unknown",
        priority: 0,
        state: "queued",
        attempts: 0,
        admittedAtMs: startMs,
        updatedAtMs: startMs,
      });
      assert.deepEqual(await store.inputs({ session }), [input]);
    });

    test("Keeps provider and priority.", async (store) => {
      const { input } = await store.admit({ session, key: "k", body, provider: "scripted", priority: -3 });
      assert.deepEqual([input.provider, input.priority], ["scripted", -3]);
    });

    test("Makes no session, and one change row.", async (store, clock) => {
      clock.stopAt(startMs);
      const { id } = await admitTo(store, "s-1", "k-1");
      assert.equal(await store.session(session), null);
      assert.deepEqual(await store.sessions(), { sessions: [] });
      assert.deepEqual(await store.logs(session), []);
      assert.deepEqual(await allChanges(store), [
        { seq: 1, ...session, atMs: startMs, kind: "input", of: id },
      ]);
    });

    test("Knows a key again and writes nothing, whatever became of its input.", async (store) => {
      const first = await store.admit({ session, key: "k-1", body: '{"ask":"k-1"}', priority: 2 });
      const again = () => store.admit({ session, key: "k-1", body: '{"ask":"k-1"}', provider: "other" });
      assert.deepEqual(await again(), { input: first.input, admitted: false });
      const claim = await store.claim({ worker: "w-1", leaseMs });
      assert.deepEqual(await again(), { input: claim!.input, admitted: false });
      await commitOf(store, claim!);
      const before = await workSnapshot(store);
      const { input, admitted } = await again();
      assert.deepEqual(
        [input.id, input.state, input.priority, admitted],
        [first.input.id, "consumed", 2, false],
      );
      assert.deepEqual(await workSnapshot(store), before);
      assert.equal(await store.claim({ worker: "w-1", leaseMs }), null);
    });

    test("Does not bring back an input that was cancelled.", async (store) => {
      const { id } = await admitTo(store, "s-1", "k-1");
      await store.cancel({ session, input: id, actor: "user" });
      const { input, admitted } = await store.admit({ session, key: "k-1", body: '{"ask":"k-1"}' });
      assert.deepEqual([input.id, input.state, admitted], [id, "cancelled", false]);
    });

    test("Refuses a known key with another body, and names its input.", async (store) => {
      const { input } = await store.admit({ session, key: "k-1", body });
      const before = await workSnapshot(store);
      for (const other of ['{"ask":"y"}', '{"ask":"x" }', '{"ask":"X"}']) {
        const error = await refused("input_conflict", () =>
          store.admit({ session, key: "k-1", body: other }),
        );
        assert.equal(error.data["input"], input.id);
      }
      assert.deepEqual(await workSnapshot(store), before);
    });

    test("Tells keys apart by session, project and case.", async (store) => {
      const sessions = [session, sessionKey("s-2"), { ...session, project: "p-2" }];
      const results = [];
      for (const each of sessions)
        for (const key of ["k", "K", " k"]) results.push(await store.admit({ session: each, key, body }));
      assert.ok(results.every(({ admitted }) => admitted));
      assert.equal(new Set(results.map(({ input }) => input.id)).size, 9);
    });

    test("Of many keys at once in a session queues each, and they are served by who came first.", async (store) => {
      const names = Array.from({ length: 12 }, (_, n) => `k-${n}`);
      const admitted = await Promise.all(names.map((name) => admitTo(store, "s-1", name)));
      assert.equal(new Set(admitted.map(({ id }) => id)).size, names.length);
      const queued = await store.inputs({ session: sessionKey("s-1"), state: "queued" });
      const [first] = queued.toReversed();
      const claim = await store.claim({ worker: "w", leaseMs });
      assert.equal(claim?.input.id, first?.id);
    });

    test("Of one key many times at once queues one input.", async (store) => {
      const results = await Promise.all(
        Array.from({ length: 10 }, () => store.admit({ session, key: "k-1", body })),
      );
      assert.equal(results.filter(({ admitted }) => admitted).length, 1);
      assert.equal(new Set(results.map(({ input }) => input.id)).size, 1);
      assert.equal((await store.inputs({ session })).length, 1);
      assert.equal((await allChanges(store)).length, 1);
    });

    test("Keeps a body byte for byte.", async (store) => {
      for (const [n, odd] of oddBodies.entries()) {
        await store.admit({ session, key: `k-${n}`, body: odd });
        assert.equal((await store.inputs({ key: `k-${n}` }))[0]!.body, odd);
      }
    });

    test("Takes a key of 1 to 256 characters of any kind.", async (store) => {
      for (const key of ["k", "k".repeat(256), "a\nb", "😀", "%_*'\""]) {
        await store.admit({ session, key, body });
        assert.equal((await store.inputs({ session, key })).length, 1);
      }
    });

    for (const [fault, wrong] of Object.entries(badInputs)) {
      test(`Refuses an input that ${fault}, with nothing written.`, async (store) => {
        await refused("invalid_input", () => store.admit({ session, key: "k", body, ...(wrong as object) }));
        assert.deepEqual([await store.inputs({}), await allChanges(store)], [[], []]);
      });
    }

    test("Is refused for a session that was dropped for good, but not after an SDK's own delete.", async (store) => {
      for (const [name, sealed] of [
        ["s-1", true],
        ["s-2", false],
      ] as const) {
        await appendTo(store, name, plain(1, 1));
        await store.drop({ session: sessionKey(name), actor: "test", sealed });
      }
      await refused("session_dropped", () => store.admit({ session, key: "k", body }));
      assert.deepEqual(await store.inputs({}), []);
      assert.equal((await store.admit({ session: sessionKey("s-2"), key: "k", body })).admitted, true);
    });

    test("Never gives an id twice, not even after a drop.", async (store) => {
      const ids = [];
      for (let n = 0; n < 3; n += 1) {
        await store.append({ log: { ...session, log: "" }, entries: plain(1, 1), reopen: "any" });
        const { input, admitted } = await store.admit({ session, key: "k-1", body });
        assert.equal(admitted, true);
        ids.push(input.id);
        await store.drop({ session, actor: "test", sealed: false });
        assert.deepEqual(await store.inputs({ session }), []);
      }
      assert.equal(new Set(ids).size, 3);
    });
  });

  describe("inputs", () => {
    test("Come newest first, by session, key and state.", async (store) => {
      for (const [name, key] of [
        ["s-1", "a"],
        ["s-2", "a"],
        ["s-1", "b"],
        ["s-1", "c"],
      ] as const)
        await admitTo(store, name, key);
      await store.claim({ worker: "w-1", leaseMs, session: "s-1" });
      const found = async (params: Parameters<typeof store.inputs>[0]) =>
        (await store.inputs(params)).map((input) => `${input.session} ${input.key}`);
      assert.deepEqual(await found({}), ["s-1 c", "s-1 b", "s-2 a", "s-1 a"]);
      assert.deepEqual(await found({ session }), ["s-1 c", "s-1 b", "s-1 a"]);
      assert.deepEqual(await found({ key: "a" }), ["s-2 a", "s-1 a"]);
      assert.deepEqual(await found({ state: "queued", limit: 2 }), ["s-1 c", "s-1 b"]);
      assert.deepEqual(await found({ session, key: "a", state: "running" }), ["s-1 a"]);
      assert.deepEqual(await found({ session: { ...session, project: "p-2" } }), []);
    });

    test("Are found by id, one at most.", async (store) => {
      await admitTo(store, "s-2", "k-1");
      const { id } = await admitTo(store, "s-1", "k-1");
      const found = async (params: Parameters<typeof store.inputs>[0]) =>
        (await store.inputs(params)).map((input) => input.id);
      assert.deepEqual(await found({ input: id }), [id]);
      assert.deepEqual(await found({ input: id, session, key: "k-1", state: "queued" }), [id]);
      const others = [
        { session: sessionKey("s-2") },
        { session: { ...session, project: "p-2" } },
        { key: "k-2" },
        { state: "running" },
      ] as const;
      for (const other of others) assert.deepEqual(await found({ input: id, ...other }), []);
      for (const input of ["none", `${id} `, `0${id}`, ""]) assert.deepEqual(await found({ input }), []);
    });

    test("Without a limit are 50 at most, and a limit out of range is refused.", async (store) => {
      await Promise.all(Array.from({ length: 51 }, (_, n) => admitTo(store, "s-1", `k-${n}`)));
      assert.equal((await store.inputs({ session })).length, 50);
      assert.equal((await store.inputs({ session, limit: 1000 })).length, 51);
      for (const limit of [0, -1, 1.5, 1001]) await refused("invalid_limit", () => store.inputs({ limit }));
    });

    test("Of a dropped session are gone.", async (store) => {
      const claim = await begin(store);
      await commitOf(store, claim);
      await appendTo(store, "s-1", plain(1, 1));
      await admitTo(store, "s-1", "k-2");
      await admitTo(store, "s-2", "k-1");
      await store.drop({ session, actor: "test" });
      assert.deepEqual(
        (await store.inputs({})).map((input) => input.session),
        ["s-2"],
      );
    });
  });
}

const badInputs: Readonly<Record<string, unknown>> = {
  "has an empty key": { key: "" },
  "has a key of 257 characters": { key: "k".repeat(257) },
  "has a key with a NUL": { key: "a\0b" },
  "has a key with half of a surrogate pair": { key: "a\ud83d" },
  "has no text for a key": { key: 7 },
  "is an array": { body: "[1]" },
  "is empty": { body: "" },
  "spans two lines": { body: '{"a":\n1}' },
  "holds a raw NUL": { body: '{"a":"\0"}' },
  "holds half of a surrogate pair": { body: '{"a":"\ud83d"}' },
  "has no text for a body": { body: 7 },
  "has a broken priority": { priority: 1.5 },
  "has a priority without an end": { priority: Number.POSITIVE_INFINITY },
  "has a priority that is no number": { priority: Number.NaN },
  "has a priority too great to be exact": { priority: 2 ** 53 },
};

const oddBodies: readonly string[] = [
  '{"b":1,"a":2,"b":3}',
  '{"n":12345678901234567890.000}',
  '{"t":"\\u0000\\ud800 é 😀 \u2028"}',
  "{  }",
];
