import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { Store } from "../../core/store.ts";
import { openPostgresStore } from "./index.ts";

// The server's JSON takes neither a NUL nor half a surrogate pair, escaped or not.

const schemas = testSchemas();
const session = { project: "p", session: "s" };
const other = { project: "p", session: "t" };
let store: Store;

beforeEach(async () => {
  store = await openPostgresStore({ url: schemas.next(), connections: 2 });
  for (const key of [session, other])
    await store.append({ log: { ...key, log: "" }, entries: [{ body: "{}" }] });
});
afterEach(() => store.close());

describe.each(["a\0b", "a\ud800b"])("A text %j", (odd) => {
  const kept = "a\u{fffd}b";

  test("in a label's value or name does not keep the usage of all sessions from being told.", async () => {
    const tokens = { input: 1, output: 1, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
    for (const key of [session, other])
      await store.recordUsage({
        session: key,
        rows: [{ key: key.session, model: "m", atMs: 1, microDollars: 1, tokens }],
      });
    await store.describe({ session, labels: { team: odd, [odd]: "x" } });
    await store.describe({ session: other, labels: { team: "x" } });
    const groups = await store.usage({ by: { label: "team" } });
    expect(groups.map(({ name, responses }) => [name, responses])).toEqual([
      [kept, 1],
      ["x", 1],
    ]);
    expect((await store.session(session))!.labels).toEqual({ team: kept, [kept]: "x" });
  });

  test("in a projection's document does not stop the projection.", async () => {
    await store.advance({ projection: "x", from: 0, to: 1, documents: [{ session, body: odd }] });
    expect(await store.projected({ projection: "x", session })).toBe(kept);
  });

  test("as a name to look for finds nothing.", async () => {
    await store.admit({ session, key: "k", body: "{}" });
    expect(await store.claim({ worker: "w", leaseMs: 1000, providers: [odd] })).toBeNull();
    expect(await store.sweep({ minAgeMs: 0, projections: [odd] })).toEqual({ removed: [] });
  });
});
