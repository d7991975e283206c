import { setTimeout } from "node:timers/promises";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { clientOn } from "../../../test/postgres/client-on.ts";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import { openPostgresStore } from "./index.ts";
import type { PostgresClient } from "./postgres-client.ts";

const url = testSchemas().next();
const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
let client: PostgresClient;

beforeAll(async () => {
  await (await openPostgresStore({ url })).close();
  client = clientOn(url, 2);
});
afterAll(async () => {
  await client.close();
  await admin.end();
});
beforeEach(() => client.query("DELETE FROM hf.lane"));

const lane = (name: string) => `INSERT INTO hf.lane (project, session) VALUES ('p', '${name}')`;

describe("A transaction", () => {
  test("whose connection was cut between two statements runs none of them anew on another one.", async () => {
    const cut = client.transaction(async (query) => {
      const [row] = await query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      await query(lane("a"));
      await admin`SELECT pg_terminate_backend(${row!.pid}, 5000)`;
      await setTimeout(50);
      await query(lane("b")).catch(() => {});
      // What others ask makes connections anew.
      await client.query("SELECT");
      await query(lane("c")).catch(() => {});
    });
    await expect(cut).rejects.toMatchObject({ code: "store_unreachable", retryable: true });
    expect(await client.query("SELECT FROM hf.lane")).toHaveLength(0);
  });

  test("in which a statement failed is refused, though its work went on as if nothing was.", async () => {
    const swallowed = client.transaction(async (query) => {
      await query(lane("a"));
      await query("SELECT 1 / 0").catch(() => {});
    });
    await expect(swallowed).rejects.toMatchObject({ code: "22012" });
    expect(await client.query("SELECT FROM hf.lane")).toHaveLength(0);
  });

  test("of statements that were sent together tells of the one that failed first.", async () => {
    const failing = client.transaction((query) => {
      const deep = async (depth: number): Promise<unknown> =>
        depth === 0 ? await query("SELECT 1 / 0") : await deep(depth - 1);
      return Promise.all([deep(20), query(lane("a")), query(lane("b"))]);
    });
    await expect(failing).rejects.toMatchObject({ code: "22012" });
  });

  test("refuses a statement that comes after it.", async () => {
    const late = await client.transaction(async (query) => () => query(lane("a")));
    await expect(late()).rejects.toThrow("has ended");
    expect(await client.query("SELECT FROM hf.lane")).toHaveLength(0);
  });
});
