import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Layout } from "../../src/git/checkpoint-store.ts";
import { migrateCheckpoints } from "../../src/git/migrate/migrate.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { layoutsUnderTest } from "./layouts.ts";
import { gitTestEnv, makeRepository } from "./repositories.ts";

const ids = ["000000000001", "a00000000002", "b00000000003"];

for (const [from, to] of [
  ["git-branch", "git-refs"],
  ["git-refs", "git-branch"],
  ["git-branch", "v2"],
  ["v2", "git-refs"],
] as const)
  test(`killed before any of its refs moves, a migration from ${from} to ${to} is ended by the next one`, async () => {
    for (let updates = 0; updates < 20; updates += 1) {
      using place = await makeRepository("plain");
      await using repository = await openRepository({ cwd: place.path, env: gitTestEnv });
      const source = layoutsUnderTest[from]!.open(repository);
      for (const id of ids) await source.write(checkpointInput(id, [await sessionInput(repository, id)]));
      const before = await recordsOf(source);

      const ended = await migrateInProcess({ cwd: place.path, from, to, updates });
      if (updates === 0) expect(ended).toBe("SIGKILL");

      const report = await migrateCheckpoints({ repository, from, to });
      expect(report).toMatchObject({ problems: [], kept: [] });
      expect(report.created + report.extended + report.unchanged).toBe(ids.length);
      expect(await recordsOf(layoutsUnderTest[to]!.open(repository))).toEqual(before);
      expect(await migrateCheckpoints({ repository, from, to })).toMatchObject({ created: 0, extended: 0 });
      await place.fsckClean();
      if (ended === null) break;
    }
  });

const script = join(import.meta.dirname, "migrate-worker.ts");

async function migrateInProcess({
  cwd,
  from,
  to,
  updates,
}: {
  cwd: string;
  from: Layout;
  to: Layout;
  updates: number;
}): Promise<string | null> {
  const child = spawn(process.execPath, [script, cwd, from, to, String(updates)], { env: gitTestEnv });
  const [, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal;
}

async function recordsOf(store: ReturnType<(typeof layoutsUnderTest)[string]["open"]>): Promise<unknown> {
  const records: unknown[] = [];
  for (const id of ids) {
    const stored = await store.read(id);
    records.push(stored?.sessions.map(({ sessionId, transcript, hash }) => [sessionId, transcript, hash]));
  }
  return records;
}
