import { expect, test } from "vitest";
import { branchRef } from "../../src/git/format/checkpoint-refs.ts";
import { idOfRef } from "../../src/git/format/ids.ts";
import { openLayout } from "../../src/git/layouts/open-layout.ts";
import { migrateCheckpoints } from "../../src/git/migrate/migrate.ts";
import { discover } from "../../src/git/push/discover.ts";
import { fetchAll, fetchCheckpoints } from "../../src/git/push/fetch.ts";
import { FactsIndex } from "../../src/git/reading/facts-index.ts";
import { verifyCheckpoints } from "../../src/git/verify.ts";
import { type Machine, checkpointRefsOf, sharing } from "./machines.ts";
import { handCheckpoints } from "./many-checkpoints.ts";
import { fsckClean } from "./repositories.ts";

const count = 10_000;
const remote = "origin";
const timeoutMs = 600_000;

async function promptsIn({ repository }: Machine): Promise<number> {
  const source = openLayout(repository, "git-refs");
  const facts = await new FactsIndex({ repository, source }).all();
  return facts.filter(({ sessions }) => sessions[0]?.prompt === "Do it.").length;
}

test("ten thousand checkpoints are listed, verified, migrated, pushed, and fetched by another clone", async () => {
  const { remote: folder, machine } = await sharing();
  const [one, two] = [await machine(), await machine()];
  const refs = await handCheckpoints(one.repository, count);
  expect(await promptsIn(one)).toBe(count);

  const migrated = await migrateCheckpoints({
    repository: one.repository,
    from: "git-refs",
    to: "git-branch",
  });
  expect(migrated).toMatchObject({ created: count, unchanged: 0, problems: [], kept: [] });
  const verified = await verifyCheckpoints({ repository: one.repository });
  expect(verified).toMatchObject({
    checkpoints: { "git-refs": count, "git-branch": count },
    counts: { error: 0, warning: 0 },
  });

  await one.queue.add([...refs, branchRef]);
  expect(await one.push(timeoutMs)).toMatchObject({ outcome: "done", pushed: count + 1, left: 0 });
  expect(await checkpointRefsOf(folder)).toEqual(await checkpointRefsOf(one.path));
  expect((await one.queue.drain()).refs).toEqual([]);

  const params = { repository: two.repository, remote, timeoutMs };
  expect((await discover(params)).absent).toHaveLength(count);
  const id = idOfRef(refs.at(-1)!)!;
  expect((await fetchCheckpoints({ ...params, ids: [id] })).fetched).toEqual([id]);
  const fetched = await fetchAll(params);
  expect([fetched.fetched.length, fetched.present.length, fetched.failed]).toEqual([count, 1, []]);
  expect(await checkpointRefsOf(two.path)).toEqual(await checkpointRefsOf(folder));
  expect(await promptsIn(two)).toBe(count);
  expect((await discover(params)).same).toHaveLength(count);
  for (const path of [folder, two.path]) await fsckClean(path);
}, 1_200_000);
