import assert from "node:assert/strict";
import type { Store } from "../../core/store.ts";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, logKey, plain, refused, sessionKey } from "./samples.ts";
import { startMs } from "./work-samples.ts";

const session = sessionKey();

/** Projections that live in the store: documents and position change together. */
export function projectionsTests({ describe, test }: StoreTests): void {
  describe("projections", () => {
    test("Of an empty store are none.", async (store) => {
      assert.deepEqual(await store.projections(), []);
      assert.equal(await store.projected({ projection: "stats", session }), null);
    });

    test("Begin with their first step, and stand where they were taken.", async (store, clock) => {
      clock.stopAt(startMs);
      const first = await store.advance({ projection: "stats", from: 0, to: 3 });
      assert.deepEqual(first, { name: "stats", position: 3, paused: false, updatedAtMs: startMs });
      clock.advance(1000);
      const second = await store.advance({ projection: "stats", from: 3, to: 7 });
      assert.deepEqual(second, { ...first, position: 7, updatedAtMs: startMs + 1000 });
      assert.deepEqual(await store.projections(), [second]);
    });

    test("Refuse a step from anywhere else, and tell where they stand.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const step = async (from: number) => {
        const documents = [{ session, body: '{"wrong":true}' }];
        const params = { projection: "stats", from, to: 9, documents, clear: true };
        return (await refused("position_conflict", () => store.advance(params))).data["position"];
      };
      assert.equal(await step(1), 0);
      assert.deepEqual(await store.projections(), []);
      const documents = [{ session, body: '{"right":true}' }];
      await store.advance({ projection: "stats", from: 0, to: 3, documents });
      const before = await store.projections();
      for (const from of [0, 2, 4]) assert.equal(await step(from), 3);
      assert.deepEqual(await store.projections(), before);
      assert.equal(await store.projected({ projection: "stats", session }), '{"right":true}');
    });

    test("Taken forward by many at once move once.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const steps = [1, 2, 3, 4].map((to) =>
        store.advance({
          projection: "stats",
          from: 0,
          to,
          documents: [{ session, body: `{"to":${to}}` }],
        }),
      );
      const outcomes = await Promise.allSettled(steps);
      const won = outcomes.filter((outcome) => outcome.status === "fulfilled");
      assert.equal(won.length, 1);
      const { position } = won[0]!.value;
      assert.equal(await store.projected({ projection: "stats", session }), `{"to":${position}}`);
    });

    test("Keep a document for each session, byte for byte, until it is replaced or removed.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      const see = async () => [await documentOf(store, "s-1"), await documentOf(store, "s-2")];
      const odd = '{"b":1,"a":12345678901234567890,"t":"\\u0000é😀"}';
      await take(store, 0, { "s-1": odd, "s-2": "{}" });
      assert.deepEqual(await see(), [odd, "{}"]);
      await take(store, 1, { "s-1": '{"n":2}' });
      assert.deepEqual(await see(), ['{"n":2}', "{}"]);
      await take(store, 2, { "s-2": null });
      assert.deepEqual(await see(), ['{"n":2}', null]);
      await take(store, 3, { "s-2": null });
      assert.deepEqual(await see(), ['{"n":2}', null]);
    });

    test("Of different names share neither documents nor positions.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      for (const [n, projection] of ["a", "A", "b"].entries()) {
        const documents = [{ session, body: `{"of":"${projection}"}` }];
        await store.advance({ projection, from: 0, to: n + 1, documents });
      }
      const rows = (await store.projections()).map(({ name, position }) => [name, position]);
      assert.deepEqual(Object.fromEntries(rows), { a: 1, A: 2, b: 3 });
      await store.advance({ projection: "a", from: 1, to: 0, clear: true });
      assert.equal(await store.projected({ projection: "a", session }), null);
      for (const projection of ["A", "b"])
        assert.equal(await store.projected({ projection, session }), `{"of":"${projection}"}`);
    });

    test("Keep no document of a session that is not there, and take the step all the same.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.append({ log: logKey("s-2", "@order"), entries: plain(1, 1) });
      const { position } = await take(store, 0, { "s-1": '{"n":1}', "s-2": '{"n":2}', "s-3": '{"n":3}' });
      assert.equal(position, 1);
      for (const name of ["s-2", "s-3"]) await appendTo(store, name, plain(1, 1));
      assert.deepEqual(
        [await documentOf(store, "s-1"), await documentOf(store, "s-2"), await documentOf(store, "s-3")],
        ['{"n":1}', '{"n":2}', null],
      );
    });

    test("Replace the document of a session whose last log was dropped, for it is still there.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await take(store, 0, { "s-1": '{"n":1}' });
      await store.drop({ session, log: "", actor: "test" });
      await take(store, 1, { "s-1": '{"n":0}' });
      assert.equal(await documentOf(store, "s-1"), '{"n":0}');
    });

    test("Lose the document of a session that is dropped, and no other.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      await take(store, 0, { "s-1": '{"n":1}', "s-2": '{"n":2}' });
      await store.drop({ session, actor: "test", sealed: false });
      assert.equal(await documentOf(store, "s-1"), null);
      await store.append({ log: { ...session, log: "" }, entries: plain(1, 1), reopen: "any" });
      assert.equal(await documentOf(store, "s-1"), null);
      assert.equal(await documentOf(store, "s-2"), '{"n":2}');
    });

    test("Are cleared before the documents of the same step, to be built anew.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      await take(store, 0, { "s-1": '{"n":1}', "s-2": '{"n":2}' });
      const documents = [{ session, body: '{"n":9}' }];
      const row = await store.advance({ projection: "stats", from: 1, to: 0, documents, clear: true });
      assert.equal(row.position, 0);
      assert.deepEqual([await documentOf(store, "s-1"), await documentOf(store, "s-2")], ['{"n":9}', null]);
    });

    test("Are paused and given an error without a step, and keep both apart.", async (store, clock) => {
      clock.stopAt(startMs);
      const paused = await store.setProjection({ projection: "stats", paused: true });
      assert.deepEqual(paused, { name: "stats", position: 0, paused: true, updatedAtMs: startMs });
      const failed = await store.setProjection({ projection: "stats", error: "it broke" });
      assert.deepEqual(failed, { ...paused, error: "it broke" });
      const resumed = await store.setProjection({ projection: "stats", paused: false });
      assert.deepEqual([resumed.paused, resumed.error], [false, "it broke"]);
      const mended = await store.setProjection({ projection: "stats", error: null });
      assert.deepEqual([mended.position, mended.paused, "error" in mended], [0, false, false]);
      assert.deepEqual(await store.projections(), [mended]);
    });

    test("Lose their error with the next step that succeeds, and with no other.", async (store) => {
      await store.setProjection({ projection: "stats", error: "it broke" });
      await refused("position_conflict", () => store.advance({ projection: "stats", from: 3, to: 4 }));
      assert.equal((await store.projections())[0]?.error, "it broke");
      assert.equal("error" in (await take(store, 0, {})), false);
      assert.equal("error" in (await store.projections())[0]!, false);
    });

    test("Stay paused over a step, and where they stand when they are paused.", async (store) => {
      await take(store, 0, {});
      assert.equal((await store.setProjection({ projection: "stats", paused: true })).position, 1);
      const row = await take(store, 1, {});
      assert.deepEqual([row.position, row.paused], [2, true]);
    });

    test("Write no change row, or they would chase themselves.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await take(store, 0, { "s-1": "{}" });
      await store.setProjection({ projection: "stats", paused: true });
      assert.equal((await allChanges(store)).length, 1);
    });
  });
}

/** One step of the projection `stats`, by one position. */
function take(store: Store, from: number, documents: Readonly<Record<string, string | null>>) {
  return store.advance({
    projection: "stats",
    from,
    to: from + 1,
    documents: Object.entries(documents).map(([name, body]) => ({ session: sessionKey(name), body })),
  });
}

function documentOf(store: Store, name: string): Promise<string | null> {
  return store.projected({ projection: "stats", session: sessionKey(name) });
}
