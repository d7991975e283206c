import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { allChanges, appendTo, plain, refused, sessionKey } from "./samples.ts";

/** A session's title, labels and summary. */
export function describeTests({ describe, test }: StoreTests): void {
  describe("describe", () => {
    test("Sets a title, and gives the row as it stands then.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const row = await store.describe({ session: sessionKey(), title: "One 'quoted' title; 😀" });
      assert.equal(row.title, "One 'quoted' title; 😀");
      assert.deepEqual(await store.session(sessionKey()), row);
      assert.equal((await store.describe({ session: sessionKey(), title: null })).title, null);
    });

    test("Leaves alone what is not named.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const summary = { data: '{"s":1}', head: 1 };
      await store.describe({ session: sessionKey(), title: "T", labels: { a: "1" }, summary });
      const row = await store.describe({ session: sessionKey(), labels: { b: "2" } });
      assert.deepEqual([row.title, row.labels, row.summary], ["T", { a: "1", b: "2" }, '{"s":1}']);
      assert.deepEqual(await store.describe({ session: sessionKey() }), row);
    });

    test("Adds, replaces and removes labels one by one.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.describe({ session: sessionKey(), labels: { a: "1", b: "2", "c.d/e": "" } });
      const row = await store.describe({ session: sessionKey(), labels: { a: "9", b: null, none: null } });
      assert.deepEqual(row.labels, { a: "9", "c.d/e": "" });
    });

    test("Keeps a summary byte for byte.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      const data = '{ "b":1.0, "a":"\\u0000\\ud800", "n":9007199254740993 }';
      assert.equal(
        (await store.describe({ session: sessionKey(), summary: { data, head: 2 } })).summary,
        data,
      );
      assert.equal((await store.session(sessionKey()))?.summary, data);
    });

    test("Refuses a summary of another head.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      for (const head of [0, 1, 3]) {
        await refused("head_conflict", () =>
          store.describe({ session: sessionKey(), summary: { data: "{}", head } }),
        );
      }
    });

    test("Refuses a session that is not there, and makes none.", async (store) => {
      await refused("session_unknown", () => store.describe({ session: sessionKey(), title: "T" }));
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session: sessionKey(), actor: "test" });
      await refused("session_unknown", () => store.describe({ session: sessionKey(), title: "T" }));
      assert.equal(await store.session(sessionKey()), null);
    });

    test("Touches one session only.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      const before = await store.session(sessionKey("s-2"));
      await store.describe({ session: sessionKey("s-1"), title: "T", labels: { a: "1" } });
      assert.deepEqual(await store.session(sessionKey("s-2")), before);
    });

    test("Writes one change row.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.describe({ session: sessionKey(), title: "T" });
      const last = (await allChanges(store)).at(-1);
      assert.deepEqual([last?.seq, last?.kind, last?.session], [2, "described", "s-1"]);
    });
  });
}
