import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import type { Store } from "../../src/core/store.ts";
import { mirrored, type MirroredStore } from "../../src/runtime/mirrored.ts";
import type { MirrorFlag } from "../../src/runtime/mirror-reads.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";
import { storeSuite } from "../../src/testing/store-suite/index.ts";
import { expectMirrored, isClosed } from "./same-content.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-mirror-suite-"));
let opened = 0;

const openMemory = (clock: Clock): Store => openMemoryStore({ clock });
const openSqlite = (clock: Clock): Store =>
  openSqliteStore({ path: join(folder, `${(opened += 1)}.db`), clock, synchronous: "NORMAL" });
const pairs: readonly (readonly [MirrorFlag, string, (clock: Clock) => Store])[] = [
  ["shadow", "memory", openMemory],
  ["dual", "SQLite", openSqlite],
];

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.for(pairs)("a pair under %s, of %s stores, is a store", ([flag, , open]) => {
  const pair = new Map<Store, readonly [mirror: MirroredStore, primary: Store, secondary: Store]>();
  storeSuite({
    runner: { describe, test },
    open: async ({ clock }) => {
      const [primary, secondary] = [open(clock), open(clock)];
      const mirror = mirrored(primary, secondary, { flag });
      pair.set(mirror, [mirror, primary, secondary]);
      return mirror;
    },
    close: async (store) => {
      const found = pair.get(store)!;
      if (!(await isClosed(store))) {
        await expectMirrored(...found);
        const { differences, failures } = await found[0].status();
        expect({ differences, failures }).toEqual({ differences: 0, failures: 0 });
      }
      await store.close();
    },
  });
});
