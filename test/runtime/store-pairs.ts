import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe } from "vitest";
import type { Store } from "../../src/core/store.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";
import { isLong } from "../long.ts";
import { postgresStores } from "../postgres/stores.ts";

/** Two stores that differ or are alike in kind. */
export interface StorePair {
  readonly from: Store;
  readonly to: Store;
}

/** Opens new pairs, which are closed after the test. */
export interface PairOpener {
  readonly open: () => Promise<StorePair>;
  /** How often a property is tried, of so many times: on a server each costs ten times as much. */
  readonly tries: (most: number) => number;
}

/** Declares tests once for each pairing of kinds of stores. */
export function onEachPair(declare: (opener: PairOpener) => void, pairs = everyPair): void {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pairs-"));
  let opened = 0;
  const postgres = postgresStores();
  const kinds: Readonly<Record<Kind, () => Store | Promise<Store>>> = {
    memory: () => openMemoryStore(),
    SQLite: () => openSqliteStore({ path: join(folder, `${(opened += 1)}.db`), synchronous: "NORMAL" }),
    PostgreSQL: () => postgres.open(),
  };
  const open: Store[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((store) => store.close()));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const [source, target] of pairs)
    describe(`from ${source} to ${target}`, () =>
      declare({
        open: async () => {
          const pair = { from: await kinds[source](), to: await kinds[target]() };
          open.push(pair.from, pair.to);
          return pair;
        },
        tries: (most) =>
          [source, target].includes("PostgreSQL") ? Math.ceil(most / (isLong ? 10 : 20)) : most,
      }));
}

type Kind = "memory" | "SQLite" | "PostgreSQL";

// A server takes its time: of the pairs with it those are tried that people move between.
const quickPairs: readonly (readonly [Kind, Kind])[] = [
  ["memory", "SQLite"],
  ["SQLite", "PostgreSQL"],
  ["PostgreSQL", "SQLite"],
];
const longPairs: typeof quickPairs = [
  ["memory", "memory"],
  ["SQLite", "memory"],
  ["SQLite", "SQLite"],
  ["PostgreSQL", "PostgreSQL"],
];
const everyPair = isLong ? [...quickPairs, ...longPairs] : quickPairs;

/** Those of which no source is a server: for what depends on the stores little. */
export const pairsToServers: typeof everyPair = everyPair.filter(([source]) => source !== "PostgreSQL");
