import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe } from "vitest";
import type { Store } from "../../src/core/store.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

/** Two stores that differ or are alike in kind. */
export interface StorePair {
  readonly from: Store;
  readonly to: Store;
}

/** Declares tests once for each pairing of kinds of stores. */
export function onEachPair(declare: (open: () => StorePair) => void): void {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-pairs-"));
  let opened = 0;
  const kinds: Readonly<Record<string, () => Store>> = {
    memory: () => openMemoryStore(),
    SQLite: () => openSqliteStore({ path: join(folder, `${(opened += 1)}.db`), synchronous: "NORMAL" }),
  };
  const open: Store[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((store) => store.close()));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const [source, openSource] of Object.entries(kinds))
    for (const [target, openTarget] of Object.entries(kinds))
      describe(`from ${source} to ${target}`, () =>
        declare(() => {
          const pair = { from: openSource(), to: openTarget() };
          open.push(pair.from, pair.to);
          return pair;
        }));
}
