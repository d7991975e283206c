import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe } from "vitest";
import type { Clock } from "../../src/core/clock.ts";
import type { Store } from "../../src/core/store.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";
import { isLong } from "../long.ts";
import { postgresStores } from "../postgres/stores.ts";

/** Opens new stores, and further handles on one of them; all are closed after the test. */
export interface StoreOpener {
  readonly open: (clock?: Clock) => Promise<Store>;
  /** Another handle on the same store, as another process has it; of a store in memory there is but one. */
  readonly again: (store: Store) => Promise<Store>;
  /** Closes this one too after the test, before those that are below it. */
  readonly keep: <Kept extends Store>(store: Kept) => Kept;
  /** How many of so many cases are tried: on a server each costs ten times as much. */
  readonly tries: (most: number) => number;
}

/** Declares tests once for each kind of store. */
export function onEachStore(declare: (stores: StoreOpener) => void): void {
  describe("on a memory store", () => declare(closing(async (clock) => openMemoryStore(clock && { clock }))));
  describe("on a SQLite store", () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-runtime-"));
    let opened = 0;
    const open = (path: string, clock?: Clock): Store =>
      openSqliteStore({ path, synchronous: "NORMAL", ...(clock && { clock }) });
    declare(
      closing(
        async (clock) => open(join(folder, `${(opened += 1)}.db`), clock),
        async (store) => open(store.url.slice("sqlite:".length)),
      ),
    );
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
  });
  describe("on a PostgreSQL store", () => {
    const stores = postgresStores();
    declare({ ...closing(stores.open, stores.again), tries: (most) => Math.ceil(most / (isLong ? 3 : 10)) });
  });
}

function closing(
  open: StoreOpener["open"],
  again: StoreOpener["again"] = async (store) => store,
): StoreOpener {
  const stores = new Set<Store>();
  const keep = <Kept extends Store>(store: Kept): Kept => {
    stores.add(store);
    return store;
  };
  afterEach(async () => {
    for (const store of [...stores].toReversed()) await store.close();
    stores.clear();
  });
  return {
    open: async (clock) => keep(await open(clock)),
    again: async (store) => keep(await again(store)),
    keep,
    tries: (most) => most,
  };
}
