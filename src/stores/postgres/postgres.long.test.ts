import { describe, test } from "vitest";
import { oneSchema } from "../../../test/postgres/one-schema.ts";
import { storeSuite } from "../../testing/store-suite/index.ts";
import { openPostgresStore } from "./index.ts";

const { url, emptied } = oneSchema();

storeSuite({
  runner: { describe, test },
  open: async ({ clock }) => {
    await emptied();
    return openPostgresStore({ url, clock, connections: 4 });
  },
});
