import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { openSqliteStore } from "../../stores/sqlite/index.ts";
import { type ClaudeStore, claudeStoreSuite } from "../../testing/claude-suite/index.ts";
import { claudeSessionStore } from "./adapter.ts";

const stores = new Map<ClaudeStore, { readonly store: Store; readonly folder: string }>();
const drivers = {
  memory: () => openMemoryStore(),
  sqlite: (folder: string) => openSqliteStore({ path: join(folder, "holdfast.db") }),
};

for (const [name, openDriver] of Object.entries(drivers)) {
  describe(`claudeSessionStore on ${name}`, () => {
    claudeStoreSuite({
      runner: { describe, test },
      open: async (foldSessionSummary) => {
        const folder = mkdtempSync(join(tmpdir(), "holdfast-contract-"));
        const store = openDriver(folder);
        const sessions = claudeSessionStore(store, { foldSessionSummary });
        stores.set(sessions, { store, folder });
        return sessions;
      },
      close: async (sessions) => {
        const { store, folder } = stores.get(sessions)!;
        await store.close();
        rmSync(folder, { recursive: true, force: true });
      },
    });
  });
}
