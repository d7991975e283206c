import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Layout } from "../../src/git/checkpoint-store.ts";
import { branchRef } from "../../src/git/format/checkpoint-refs.ts";
import { checkpointRefs, refOfCheckpoint } from "../../src/git/format/ids.ts";
import { migrateCheckpoints } from "../../src/git/migrate/migrate.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { PushQueue } from "../../src/git/push/queue.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { commitByHand } from "./hand-made.ts";
import { layoutsUnderTest } from "./layouts.ts";
import { gitTestEnv, makeRepository } from "./repositories.ts";
import { copyRepository } from "./repository-copy.ts";

const ids = ["000000000001", "a00000000002", "b00000000003"];
const layouts = ["git-refs", "git-branch", "v2"] as const;
const directions = layouts.flatMap((from) =>
  layouts.flatMap((to): readonly (readonly [Layout, Layout])[] => (from === to ? [] : [[from, to]])),
);

test.each(directions)(
  "killed before or after any ref moves, a migration from %s to %s is ended by the next one, and all of it waits to be pushed",
  { timeout: 300_000 },
  async (from, to) => {
    using source = await makeRepository("plain");
    const { records, names } = await opened(source.path, async (repository) => {
      const store = layoutsUnderTest[from]!.open(repository);
      for (const id of ids) await store.write(checkpointInput(id, [await sessionInput(repository, id)]));
      return { records: await recordsIn(repository, from), names: await namesIn(repository) };
    });
    let ended: string | number | null = "SIGKILL";
    for (let moment = 1; ended === "SIGKILL"; moment += 1) {
      using place = copyRepository(source);
      ended = await migrateInProcess({ cwd: place.path, from, to, moment });
      if (moment === 1) expect(ended).toBe("SIGKILL");
      const refs = await opened(place.path, async (repository) => {
        const report = await migrateCheckpoints({ repository, from, to });
        expect(report).toMatchObject({ problems: [], kept: [] });
        expect(report.created + report.extended + report.unchanged).toBe(ids.length);
        expect(await recordsIn(repository, to)).toEqual(records);
        expect(await migrateCheckpoints({ repository, from, to })).toMatchObject({ created: 0, extended: 0 });
        const { refs: waiting } = await new PushQueue(repository.commonDir).drain();
        const made = (await namesIn(repository)).filter((name) => !names.includes(name));
        return { waiting: waiting.toSorted(), made: made.toSorted() };
      });
      expect(refs.waiting, `killed at moment ${moment}`).toEqual(refs.made);
      await place.fsckClean();
    }
    expect(ended).toBe(0);
  },
);

test.each(["before", "after"] as const)(
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
    expect(await migrateInProcess({ cwd: place.path, from, to, moment: when })).toBe("SIGKILL");
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

/** The signal or the code that it ended with. */
async function migrateInProcess({
  cwd,
  from,
  to,
  moment,
}: {
  cwd: string;
  from: Layout;
  to: Layout;
  moment: number | "before" | "after";
}): Promise<string | number | null> {
  const child = spawn(process.execPath, ["--no-warnings", script, cwd, from, to, String(moment)], {
    env: gitTestEnv,
    stdio: "inherit",
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return signal ?? code;
}

async function opened<T>(cwd: string, use: (repository: Repository) => Promise<T>): Promise<T> {
  await using repository = await openRepository({ cwd, env: gitTestEnv });
  return await use(repository);
}

async function namesIn({ refs }: Repository): Promise<readonly string[]> {
  return (await refs.list("refs/")).map(({ name }) => name);
}

async function recordsIn(repository: Repository, layout: Layout): Promise<unknown> {
  const store = layoutsUnderTest[layout]!.open(repository);
  const records: unknown[] = [];
  for (const id of ids) {
    const stored = await store.read(id);
    records.push(stored?.sessions.map(({ sessionId, transcript, hash }) => [sessionId, transcript, hash]));
  }
  return records;
}
