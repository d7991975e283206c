import { describe, test } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import { storeSuite } from "../../testing/store-suite/index.ts";
import { openPostgresStore } from "./index.ts";

const schemas = testSchemas();

storeSuite({
  runner: { describe, test },
  open: async ({ clock }) => openPostgresStore({ url: schemas.next(), clock, connections: 4 }),
});
