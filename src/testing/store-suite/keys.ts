import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { allSessions, bodiesOf, namesOf, plain, refused } from "./samples.ts";

/** Names are exact: no pattern, no path, no folding. */
export function keysTests({ describe, test }: StoreTests): void {
  describe("keys", () => {
    test("Sessions with odd names are told apart.", async (store) => {
      for (const [n, session] of oddNames.entries()) {
        await store.append({ log: { project: "p", session, log: "" }, entries: plain(n, n) });
      }
      for (const [n, session] of oddNames.entries()) {
        assert.deepEqual(await bodiesOf(store, { project: "p", session, log: "" }), [`{"n":${n}}`]);
        assert.equal((await store.session({ project: "p", session }))?.session, session);
      }
      assert.deepEqual(namesOf(await allSessions(store, { limit: 7 })).sort(), [...oddNames].sort());
    });

    test("Projects and logs with odd names are told apart.", async (store) => {
      for (const [n, name] of oddNames.entries()) {
        await store.append({ log: { project: name, session: "s", log: "" }, entries: plain(n, n) });
        await store.append({ log: { project: "logs", session: "s", log: name }, entries: plain(n, n) });
      }
      for (const [n, name] of oddNames.entries()) {
        assert.deepEqual(await bodiesOf(store, { project: name, session: "s", log: "" }), [`{"n":${n}}`]);
        assert.deepEqual(await bodiesOf(store, { project: "logs", session: "s", log: name }), [`{"n":${n}}`]);
        assert.deepEqual(namesOf(await allSessions(store, { filter: { project: name } })), ["s"]);
      }
    });

    test("A drop by an odd name takes no other session along.", async (store) => {
      for (const session of oddNames) {
        await store.append({ log: { project: "p", session, log: "" }, entries: plain(1, 1) });
      }
      for (const [n, session] of oddNames.entries()) {
        assert.equal((await store.drop({ session: { project: "p", session }, actor: "test" })).dropped, true);
        assert.equal((await store.health()).sessions, oddNames.length - n - 1);
      }
    });

    test("A separator inside a name moves no border between names.", async (store) => {
      const keys = [
        ["a/b", "c", ""],
        ["a", "b/c", ""],
        ["a", "b", "c"],
        ["a:b", "c", ""],
        ["a", "b:c", ""],
        ['a","b', "c", ""],
      ];
      for (const [n, [project, session, log]] of keys.entries()) {
        await store.append({
          log: { project: project!, session: session!, log: log! },
          entries: plain(n, n),
        });
      }
      for (const [n, [project, session, log]] of keys.entries()) {
        assert.deepEqual(await bodiesOf(store, { project: project!, session: session!, log: log! }), [
          `{"n":${n}}`,
        ]);
      }
    });

    test("Names of 1,000 characters are kept whole.", async (store) => {
      const long = "n".repeat(999);
      for (const [n, end] of ["1", "2"].entries()) {
        const key = { project: `${long}${end}`, session: `${long}${end}`, log: `${long}${end}` };
        await store.append({ log: key, entries: plain(n, n) });
      }
      const key = { project: `${long}2`, session: `${long}2`, log: `${long}2` };
      assert.deepEqual(await bodiesOf(store, key), ['{"n":1}']);
      assert.deepEqual(namesOf(await allSessions(store, { filter: { project: key.project } })), [
        key.session,
      ]);
    });

    for (const [fault, name] of Object.entries(badNames)) {
      test(`A name that ${fault} is refused by every verb that takes one.`, async (store) => {
        const session = { project: "p", session: name };
        await refused("invalid_key", () =>
          store.append({ log: { ...session, log: "" }, entries: plain(1, 1) }),
        );
        await refused("invalid_key", () =>
          store.append({ log: { project: name, session: "s", log: "" }, entries: plain(1, 1) }),
        );
        await refused("invalid_key", () => store.read({ log: { ...session, log: "" } }));
        await refused("invalid_key", () => store.logs(session));
        await refused("invalid_key", () => store.session(session));
        await refused("invalid_key", () => store.describe({ session, title: "T" }));
        await refused("invalid_key", () => store.drop({ session, actor: "test" }));
        await refused("invalid_key", () => store.tombstone(session));
        await refused("invalid_key", () => store.putBlob({ session, bytes: Uint8Array.of(1) }));
        await refused("invalid_key", () => store.acquireLease({ session, owner: "w", leaseMs: 1000 }));
        await refused("invalid_key", () => store.renewLease({ session, epoch: 1, leaseMs: 1000 }));
        await refused("invalid_key", () => store.releaseLease({ session, epoch: 1 }));
        await refused("invalid_key", () => store.clearLease({ session, actor: "test" }));
        await refused("invalid_key", () => store.lease(session));
        await refused("invalid_key", () => store.admit({ session, key: "k", body: "{}" }));
        await refused("invalid_key", () => store.cancel({ session, input: "1", actor: "test" }));
        const run = { session, run: "1.1", epoch: 1, parts: [] };
        await refused("invalid_key", () => store.commit({ ...run, outcome: "{}" }));
        const held = { as: "held", reason: "r", actor: "test" } as const;
        await refused("invalid_key", () => store.endRun({ ...run, ...held }));
        await refused("invalid_key", () => store.recordUsage({ session, rows: [] }));
        const documents = [{ session, body: "{}" }];
        await refused("invalid_key", () => store.advance({ projection: "p", from: 0, to: 1, documents }));
        await refused("invalid_key", () => store.projected({ projection: "p", session }));
        assert.equal((await store.changes({ after: 0 })).position, 0);
        assert.deepEqual([await store.projections(), await store.audit()], [[], []]);
      });
    }

    test("Leases, inputs and runs of sessions with odd names are told apart.", async (store) => {
      for (const session of oddNames) {
        await store.admit({ session: { project: "p", session }, key: session, body: "{}" });
        const { epoch } = await store.acquireLease({
          session: { project: session, session },
          owner: "w",
          leaseMs: 60_000,
        });
        assert.equal(epoch, 1);
      }
      for (const session of oddNames) {
        const claim = await store.claim({ worker: "w", leaseMs: 60_000, project: "p", session });
        assert.equal(claim?.input.key, session);
        const found = await store.runs({ session: { project: "p", session } });
        assert.deepEqual(
          found.runs.map(({ id }) => id),
          [claim?.run.id],
        );
        const inputs = await store.inputs({ session: { project: "p", session }, key: session });
        assert.equal(inputs.length, 1);
      }
    });

    test("A log's name may be empty, but not hold a NUL.", async (store) => {
      const key = { project: "p", session: "s" };
      await store.append({ log: { ...key, log: "" }, entries: plain(1, 1) });
      await refused("invalid_key", () => store.append({ log: { ...key, log: "a\0" }, entries: plain(1, 1) }));
      await refused("invalid_key", () => store.drop({ session: key, log: "a\0", actor: "test" }));
    });
  });
}

const oddNames: readonly string[] = [
  ..."% _ / : . .. * ? [ ] \\ ' \" ; -- $1 # & + ~ @ null undefined 0 00 __proto__ constructor toString".split(
    " ",
  ),
  ..."a A b B é é ß ss 😀 🧵 ../../etc/passwd C:\\x a%b a_b axb".split(" "),
  "e\u0301",
  " ",
  "  ",
  "a ",
  " a",
  "a\tb",
  "a\nb",
].filter((name, index, all) => all.indexOf(name) === index);

const badNames: Readonly<Record<string, string>> = {
  "is empty": "",
  "holds a NUL": "a\0b",
  "holds half of a surrogate pair": "a\ud800",
  "has 2,049 characters": "n".repeat(2049),
};
