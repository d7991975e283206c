import assert from "node:assert/strict";
import type { Store } from "../../core/store.ts";
import type { UsageParams, UsageRow } from "../../core/usage.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, plain, sessionKey } from "./samples.ts";
import { begin, commitOf, endOf, startMs, used } from "./work-samples.ts";

const session = sessionKey();
const dayMs = 86_400_000;

/** What responses used, each counted once. */
export function usageTests({ describe, test }: StoreTests): void {
  describe("usage", () => {
    test("Of an empty store is nothing.", async (store) => {
      for (const by of ["day", "model", "project", "session", { label: "team" }] as const)
        assert.deepEqual(await store.usage({ by }), []);
    });

    test("Is summed over responses, by kind of token and in money.", async (store) => {
      await record(store, "s-1", used("r-1", 1), used("r-2", 10), used("r-3", 100, { microDollars: null }));
      assert.deepEqual(await store.usage({ by: "model" }), [
        {
          name: "m-1",
          responses: 3,
          tokens: { input: 111, output: 222, cacheRead: 333, cacheWrite5m: 444, cacheWrite1h: 555 },
          microDollars: 110,
          unpriced: 1,
        },
      ]);
    });

    test("Of a run is counted in a session that its SDK deleted and that begins anew.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      await store.drop({ session, actor: "sdk", sealed: false });
      assert.deepEqual(await store.recordUsage({ session, rows: [used("r-0", 1)] }), { added: 0 });
      const claim = await begin(store);
      await endOf(store, claim, "interrupted", { usage: [used("r-1", 1)] });
      assert.equal((await store.usage({ by: "model" }))[0]?.responses, 1);
    });

    test("Of a response is counted once, in one call, in two, and in another session.", async (store) => {
      const twice = [used("r-1", 1), used("r-1", 1), used("r-2", 1)];
      assert.deepEqual(await record(store, "s-1", ...twice), { added: 2 });
      assert.deepEqual(await record(store, "s-1", ...twice), { added: 0 });
      assert.deepEqual(await record(store, "s-2", used("r-2", 1), used("r-3", 1)), { added: 1 });
      const elsewhere = { project: "p-2", session: "s-1" };
      await store.append({ log: { ...elsewhere, log: "" }, entries: plain(1, 1) });
      assert.deepEqual(await store.recordUsage({ session: elsewhere, rows: [used("r-1", 1)] }), { added: 0 });
      const groups = await store.usage({ by: "session" });
      assert.deepEqual(
        groups.map(({ name, responses }) => [name, responses]),
        [
          ["s-1", 2],
          ["s-2", 1],
        ],
      );
    });

    test("Of a response that grew while it was streamed is the greatest, in whatever order it came.", async (store) => {
      const rows = [1, 30, 2].map((n) => used("r-1", n));
      assert.deepEqual(await record(store, "s-1", rows[0]!), { added: 1 });
      for (const row of [rows[1]!, rows[2]!]) assert.deepEqual(await record(store, "s-2", row), { added: 0 });
      assert.deepEqual(await record(store, "s-3", used("r-2", 5), used("r-2", 7), used("r-2", 6)), {
        added: 1,
      });
      const sums = (await store.usage({ by: "session" })).map((group) => [group.name, group.tokens.input]);
      assert.deepEqual(sums, [
        ["s-1", 30],
        ["s-3", 7],
      ]);
    });

    test("Of a dropped session is not taken any more.", async (store) => {
      for (const [name, sealed] of [
        ["s-1", true],
        ["s-2", false],
      ] as const) {
        await record(store, name, used(`r-${name}`, 1));
        await store.drop({ session: sessionKey(name), actor: "test", sealed });
        const rows = [used(`r-${name}`, 1), used(`late-${name}`, 1)];
        assert.deepEqual(await store.recordUsage({ session: sessionKey(name), rows }), { added: 0 });
      }
      assert.deepEqual(await store.usage({ by: "session" }), []);
    });

    test("Recorded many times at once is counted once.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const results = await Promise.all(
        Array.from({ length: 6 }, () =>
          store.recordUsage({ session, rows: [used("r-1", 1), used("r-2", 1)] }),
        ),
      );
      assert.equal(
        results.reduce((sum, { added }) => sum + added, 0),
        2,
      );
      assert.equal((await store.usage({ by: "project" }))[0]?.responses, 2);
    });

    test("Of no rows adds nothing.", async (store) => {
      assert.deepEqual(await record(store, "s-1"), { added: 0 });
      assert.deepEqual(await store.usage({ by: "day" }), []);
    });

    test("Comes in groups of each kind, sorted by name.", async (store) => {
      const noon = startMs;
      await record(store, "s-b", used("r-1", 1, { model: "b", atMs: noon }));
      await record(store, "s-a", used("r-2", 1, { model: "a", atMs: noon + dayMs }));
      await record(store, "s-C", used("r-3", 1, { model: "B", atMs: noon }));
      const other = { project: "a-1", session: "s-d" };
      await store.append({ log: { ...other, log: "" }, entries: plain(1, 1) });
      await store.recordUsage({ session: other, rows: [used("r-4", 1, { model: "a", atMs: noon - dayMs })] });
      assert.deepEqual(await counted(store, { by: "model" }), { B: 1, a: 2, b: 1 });
      assert.deepEqual(await counted(store, { by: "project" }), { "a-1": 1, "p-1": 3 });
      assert.deepEqual(await counted(store, { by: "session" }), { "s-C": 1, "s-a": 1, "s-b": 1, "s-d": 1 });
      assert.deepEqual(await counted(store, { by: "day" }), {
        "2030-01-14": 1,
        "2030-01-15": 2,
        "2030-01-16": 1,
      });
    });

    test("Of a day is that of its UTC date, to the millisecond.", async (store) => {
      const midnight = Date.UTC(2030, 1, 1);
      const times = [midnight - 1, midnight, midnight + dayMs - 1, midnight + dayMs, 0];
      await record(store, "s-1", ...times.map((atMs, n) => used(`r-${n}`, 1, { atMs })));
      assert.deepEqual(await counted(store, { by: "day" }), {
        "1970-01-01": 1,
        "2030-01-31": 1,
        "2030-02-01": 2,
        "2030-02-02": 1,
      });
    });

    test("Is asked for a time, with its first millisecond and without its last.", async (store) => {
      await record(store, "s-1", ...[0, 1, 2, 3].map((n) => used(`r-${n}`, 10 ** n, { atMs: startMs + n })));
      const input = async (params: Partial<UsageParams>) =>
        (await store.usage({ by: "project", ...params }))[0]?.tokens.input;
      assert.equal(await input({ sinceMs: startMs + 1 }), 1110);
      assert.equal(await input({ untilMs: startMs + 1 }), 1);
      assert.equal(await input({ sinceMs: startMs + 1, untilMs: startMs + 3 }), 110);
      assert.equal(await input({ sinceMs: startMs + 4 }), undefined);
      assert.equal(await input({ sinceMs: startMs + 0.5, untilMs: startMs + 2.5 }), 110);
    });

    test("Is asked for a project or a session.", async (store) => {
      await record(store, "s-1", used("r-1", 1));
      await record(store, "s-2", used("r-2", 10));
      const other = { project: "p-2", session: "s-1" };
      await store.append({ log: { ...other, log: "" }, entries: plain(1, 1) });
      await store.recordUsage({ session: other, rows: [used("r-3", 100)] });
      const input = async (params: Partial<UsageParams>) =>
        (await store.usage({ by: "model", ...params }))[0]?.tokens.input;
      assert.equal(await input({ project: "p-1" }), 11);
      assert.equal(await input({ session }), 1);
      assert.equal(await input({ session: other }), 100);
      assert.equal(await input({ project: "p-3" }), undefined);
    });

    test("By a label follows the sessions' labels of now, with those that have none last.", async (store) => {
      const labels = { "s-1": "web", "s-2": "api", "s-3": undefined, "s-4": "web" };
      for (const [n, [name, team]] of Object.entries(labels).entries()) {
        await record(store, name, used(`r-${n}`, 1));
        if (team !== undefined) await store.describe({ session: sessionKey(name), labels: { team } });
      }
      assert.deepEqual(await counted(store, { by: { label: "team" } }), { api: 1, web: 2, null: 1 });
      await store.describe({ session: sessionKey("s-4"), labels: { team: "zoo" } });
      await store.describe({ session: sessionKey("s-2"), labels: { team: null } });
      assert.deepEqual(await counted(store, { by: { label: "team" } }), { web: 1, zoo: 1, null: 2 });
      assert.deepEqual(await counted(store, { by: { label: "none" } }), { null: 4 });
    });

    test("By a label takes its name literally.", async (store) => {
      await record(store, "s-1", used("r-1", 1));
      const names = ["a.b", 'q"uote', "$[0]", "__proto__", "é 😀", "a", ""];
      for (const name of names) {
        if (name === "") continue;
        await store.describe({ session, labels: { [name]: `of ${name}` } });
        assert.deepEqual(await counted(store, { by: { label: name } }), { [`of ${name}`]: 1 });
      }
      assert.deepEqual(await counted(store, { by: { label: "q" } }), { null: 1 });
    });

    test("Stays exact in large sums.", async (store) => {
      const n = 2 ** 40;
      await record(
        store,
        "s-1",
        used("r-1", n, { microDollars: n }),
        used("r-2", n + 1, { microDollars: n }),
      );
      const [group] = await store.usage({ by: "day" });
      assert.deepEqual([group?.tokens.input, group?.microDollars], [2 * n + 1, 2 * n]);
    });

    test("Of a dropped session is gone, and that of others stays.", async (store) => {
      for (const name of ["s-1", "s-2"]) await record(store, name, used(`r-${name}`, 1));
      const claim = await begin(store, "s-1");
      await commitOf(store, claim, { usage: [used("r-run", 1)] });
      await store.drop({ session, actor: "test" });
      assert.deepEqual(await counted(store, { by: "session" }), { "s-2": 1 });
    });

    test("Recorded writes no change row.", async (store) => {
      await record(store, "s-1", used("r-1", 1));
      assert.equal((await store.changes({ after: 0 })).position, 1);
    });
  });
}

async function record(store: Store, name: string, ...rows: UsageRow[]): Promise<{ readonly added: number }> {
  if ((await store.session(sessionKey(name))) === null) await appendTo(store, name, plain(1, 1));
  return store.recordUsage({ session: sessionKey(name), rows });
}

/** Responses by the group's name, in the order of the groups. */
async function counted(store: Store, params: UsageParams): Promise<Record<string, number>> {
  const groups = await store.usage(params);
  const pairs = groups.map(({ name, responses }) => [String(name), responses] as const);
  const sorted = pairs.map(([name]) => name);
  const last = sorted.indexOf("null");
  assert.ok(last === -1 || last === sorted.length - 1, "Those that have none come last.");
  const named = sorted.filter((name) => name !== "null");
  assert.deepEqual(
    named,
    named.toSorted((a, b) => (a < b ? -1 : 1)),
  );
  return Object.fromEntries(pairs);
}
