import pg from "pg";
import { afterAll, describe, inject, test } from "vitest";
import { oneSchema } from "../../../test/postgres/one-schema.ts";
import { storeSuite } from "../../testing/store-suite/index.ts";
import { openPostgresStore } from "./index.ts";

const { emptied } = oneSchema();
const pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 8 });
afterAll(() => pool.end());

storeSuite({
  runner: { describe, test },
  open: async ({ clock }) => {
    const schema = new URL(await emptied()).searchParams.get("schema")!;
    return openPostgresStore({ pool, schema, clock });
  },
});
