import { expect, test } from "vitest";
import { clientOn } from "../../../test/postgres/client-on.ts";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import { openPostgresStore } from "./index.ts";
import { KnownLogs } from "./known-logs.ts";

const schemas = testSchemas();

test("What is known of many logs stays within its limit, also where nothing is added to them.", async () => {
  const url = schemas.next();
  const store = await openPostgresStore({ url, connections: 1 });
  const client = clientOn(url, 2);
  const known = new KnownLogs({ limit: 3 });
  const versions = await Promise.all(
    ["a", "b", "c"].map(async (session) => {
      const key = { project: "p", session };
      const entries = [1, 2].map((n) => ({ uuid: `${session}-${n}`, body: "{}" }));
      await store.append({ log: { ...key, log: "" }, entries });
      const { id } = await store.read({ log: { ...key, log: "" } });
      return { key, log: { logId: Number(id), head: 2, cuts: 0 } };
    }),
  );
  await Promise.all(
    versions.map(async ({ key, log }) =>
      expect(await known.upTo(client.query, key, log)).toEqual(
        new Set([`${key.session}-1`, `${key.session}-2`]),
      ),
    ),
  );
  expect(versions.filter(({ log }) => known.at(log) !== undefined)).toHaveLength(1);
  await Promise.all([store.close(), client.close()]);
});
