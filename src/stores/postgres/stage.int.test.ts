import { afterAll, expect, test } from "vitest";
import { clientOn } from "../../../test/postgres/client-on.ts";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { Client } from "./client.ts";
import { KnownLogs } from "./known-logs.ts";
import { openPostgresStore } from "./index.ts";
import { Staging } from "./stage.ts";

const schemas = testSchemas();
const ends: Client[] = [];
afterAll(() => Promise.all(ends.map((client) => client.close())));

test("What is staged at the moment the last one is answered is written too.", async () => {
  const url = schemas.next();
  const session = { project: "p", session: "s" };
  const store = await openPostgresStore({ url, connections: 1 });
  await store.admit({ session, key: "k", body: "{}" });
  const { run, lease } = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
  await store.close();
  const client = clientOn(url, 1);
  ends.push(client);
  const staging = new Staging({ client, now: () => null }, new KnownLogs());
  const stage = (uuid: string) =>
    staging.stage({
      log: { ...session, log: "" },
      entries: [{ uuid, body: "{}" }],
      run: run.id,
      fence: lease,
    });
  expect(await stage("1")).toMatchObject({ from: 1, to: 1 });
  expect(await stage("2")).toMatchObject({ from: 2, to: 2 });
});
