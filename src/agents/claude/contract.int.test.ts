import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { openSqliteStore } from "../../stores/sqlite/index.ts";
import { type ClaudeStore, claudeStoreSuite } from "../../testing/claude-suite/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import type { FoldSessionSummary } from "./contract.ts";

const stores = new Map<ClaudeStore, { readonly store: Store; readonly folder: string }>();
const drivers = {
  memory: (_: string, clock: Clock) => openMemoryStore({ clock }),
  sqlite: (folder: string, clock: Clock) => openSqliteStore({ path: join(folder, "holdfast.db"), clock }),
};

for (const [name, openDriver] of Object.entries(drivers)) {
  describe(`claudeSessionStore on ${name}`, () => {
    describe.for(["none", "auto"] as const)("with the lease %s", (lease) => {
      claudeStoreSuite({
        runner: { describe, test },
        open: async (foldSessionSummary) => {
          const folder = mkdtempSync(join(tmpdir(), "holdfast-contract-"));
          const store = openDriver(folder, systemClock);
          const sessions = claudeSessionStore(store, { foldSessionSummary, lease });
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

    describe("what only the adapter can be asked", () => {
      test("A session's time never runs back when the clock does.", async () => {
        let nowMs = 1_800_000_000_000;
        await withStore(openDriver, { now: () => nowMs }, async (store) => {
          const sessions = claudeSessionStore(store, { foldSessionSummary });
          await sessions.append(key, [{ type: "user", uuid: "a" }]);
          nowMs -= 3_600_000;
          await sessions.append(key, [{ type: "user", uuid: "b" }]);
          const [row] = await sessions.listSessions(key.projectKey);
          const [summary] = await sessions.listSessionSummaries(key.projectKey);
          expect([row!.mtime, summary!.mtime]).toEqual([1_800_000_000_000, 1_800_000_000_000]);
          expect(summary!.data).toEqual({ uuids: ["a", "b"] });
        });
      });

      test("Two writers of one session lose no entry and no fold, and store what both send once.", async () => {
        await withStore(openDriver, systemClock, async (store) => {
          const writers = [0, 1].map(() => claudeSessionStore(store, { foldSessionSummary }));
          const batches = Array.from({ length: 10 }, (_, at) => [
            { type: "user", uuid: `shared-${at}` },
            { type: "assistant", uuid: `shared-${at}-answer` },
          ]);
          await Promise.all(
            batches.flatMap((batch, at) =>
              writers.flatMap((writer, who) => [
                writer.append(key, structuredClone(batch)),
                writer.append(key, [{ type: "user", uuid: `own-${who}-${at}` }]),
              ]),
            ),
          );
          const uuids = (await writers[0]!.load(key))!.map(({ uuid }) => uuid!);
          expect([uuids.length, new Set(uuids).size]).toEqual([40, 40]);
          for (const uuid of batches.map(([question]) => question!.uuid))
            expect(uuids[uuids.indexOf(uuid) + 1]).toBe(`${uuid}-answer`);
          const [summary] = await writers[1]!.listSessionSummaries(key.projectKey);
          expect(summary!.data).toEqual({ uuids });
        });
      });
    });
  });
}

const key = { projectKey: "-home-dev", sessionId: "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11" };

async function withStore(
  openDriver: (folder: string, clock: Clock) => Store,
  clock: Clock,
  body: (store: Store) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-contract-"));
  const store = openDriver(folder, clock);
  try {
    await body(store);
  } finally {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function foldSessionSummary(
  ...[previous, { sessionId }, entries, { mtime }]: Parameters<FoldSessionSummary>
) {
  const before = (previous?.data["uuids"] ?? []) as string[];
  const uuids = (entries as { uuid: string }[]).map(({ uuid }) => uuid);
  return { sessionId, mtime, data: { uuids: [...before, ...uuids] } };
}
