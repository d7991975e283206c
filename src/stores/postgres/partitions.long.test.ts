import { readFileSync } from "node:fs";
import postgres from "postgres";
import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { oneSchema } from "../../../test/postgres/one-schema.ts";
import { storeSuite } from "../../testing/store-suite/index.ts";
import { openPostgresStore } from "./index.ts";

const { emptied, url } = oneSchema();
const sql = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
const page = readFileSync(new URL("../../../docs/guide/scale-out.md", import.meta.url), "utf8");
const split = /```sql\n(DO [^]*?)```/.exec(page)![1]!;

beforeAll(async () => {
  await (await openPostgresStore({ url })).close();
  await sql.unsafe(split.replaceAll("holdfast.", `${new URL(url).searchParams.get("schema")}.`));
});
afterAll(() => sql.end());

// What writes or reads the tables in a way of its own: the rest of the suite goes through the same statements.
const tried: readonly string[] = [
  ...["append", "dedupe", "read", "drop", "tombstone", "sessions", "resume", "blobs", "sweep"],
  ...["claim", "commit", "endRun", "projections", "migrate", "changes"],
];

storeSuite({
  runner: { describe: (title, body) => (tried.includes(title) ? describe(title, body) : undefined), test },
  open: async ({ clock }) => openPostgresStore({ url: await emptied(), clock, connections: 4 }),
});
