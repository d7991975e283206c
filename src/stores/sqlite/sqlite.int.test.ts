import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, test } from "vitest";
import { storeSuite } from "../../testing/store-suite/index.ts";
import { openSqliteStore } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-suite-"));
let opened = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

storeSuite({
  runner: { describe, test },
  open: async ({ clock }) => openSqliteStore({ path: join(folder, `${(opened += 1)}.db`), clock }),
});
