import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { branchRef } from "../../src/git/format/checkpoint-refs.ts";
import { checkpointRefs, refOfCheckpoint } from "../../src/git/format/ids.ts";
import { migrateCheckpoints } from "../../src/git/migrate/migrate.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { commitByHand } from "./hand-made.ts";
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

      const ended = await migrateInProcess([place.path, from, to, String(updates)]);
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

test.each(["before", "after"])(
  "killed %s packed-refs is replaced, a migration of many checkpoints is ended by the next one and leaves no lock",
  async (when) => {
    using place = await makeRepository("plain");
    await using repository = await openRepository({ cwd: place.path, env: gitTestEnv });
    const many = Array.from({ length: 150 }, (_, index) => index.toString(16).padStart(12, "0"));
    const files = many.map((id) => [
      `${id.slice(0, 2)}/${id.slice(2)}/0/metadata.json`,
      `{"session_id":"${id}"}`,
    ]);
    await commitByHand(repository, { ref: branchRef, files: Object.fromEntries(files) });
    const [from, to] = ["git-branch", "git-refs"] as const;
    expect(await migrateInProcess([place.path, from, to, "1000", when])).toBe("SIGKILL");
    const lock = join(repository.commonDir, "packed-refs.lock");
    expect(existsSync(lock)).toBe(when === "before");
    if (when === "before") utimesSync(lock, new Date(), new Date(Date.now() - 180_000));

    const report = await migrateCheckpoints({ repository, from, to });
    const [created, unchanged] = when === "before" ? [150, 0] : [0, 150];
    expect(report).toMatchObject({ created, unchanged, problems: [], kept: [] });
    expect((await repository.refs.list(checkpointRefs)).map(({ name }) => name)).toEqual(
      many.map(refOfCheckpoint).toSorted(),
    );
    await place.git("branch", "-q", "-D", branchRef.slice("refs/heads/".length));
    await place.fsckClean();
  },
);

const script = join(import.meta.dirname, "migrate-worker.ts");

async function migrateInProcess(args: readonly string[]): Promise<string | null> {
  const child = spawn(process.execPath, [script, ...args], { env: gitTestEnv });
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
