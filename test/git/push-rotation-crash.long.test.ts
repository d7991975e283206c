import { expect, test } from "vitest";
import { v2CurrentRef } from "../../src/git/format/checkpoint-refs.ts";
import { archivesOf } from "../../src/git/layouts/v2/full-refs.ts";
import { V2Layout } from "../../src/git/layouts/v2/layout.ts";
import { ShardedTree } from "../../src/git/layouts/v2/sharded-tree.ts";
import { fetchAll } from "../../src/git/push/fetch.ts";
import { checkpointInput, sessionInput, textOfBlobs } from "./checkpoint-data.ts";
import { killAt, pushInProcess, settled } from "./killed-push.ts";
import { type Machine, checkpointRefsOf, hook, sharing } from "./machines.ts";
import { fsckClean } from "./repositories.ts";

const ids = ["a00000000001", "a00000000002", "b00000000003", "b00000000004"] as const;
const theirs = "c00000000005";

// The archive goes first, then main, then current, which replaces the remote's under a lease. What another machine has
// put into the generation is taken into the archive, which then goes once more.
test.each(
  ["pre-receive", "update", "post-receive"].flatMap((at) =>
    [false, true].map((isShared) => ({ at, isShared, of: isShared ? "two machines" : "one machine" })),
  ),
)(
  "killed in the $at of any push of a rotation of $of, all arrives with the next",
  async (point) => {
    const ends: (string | number | null)[] = [];
    do ends.push(await killedOnce({ ...point, nth: ends.length + 1 }));
    while (ends.at(-1) === "SIGKILL");
    expect(ends.at(-1)).toBe(0);
    // One for each ref at the least.
    expect(ends.length).toBeGreaterThan(3);
  },
  300_000,
);

async function killedOnce({ at, nth, isShared }: { at: string; nth: number; isShared: boolean }) {
  const { remote, machine } = await sharing();
  const [one, two] = [await machine(), await machine()];
  await write(one, ids[0]);
  await one.push();
  if (isShared) {
    await fetch(two);
    await write(two, theirs);
    await two.push();
  }
  for (const id of ids.slice(1)) await write(one, id);
  hook(remote, at, killAt(remote, nth));

  const end = await pushInProcess(one, remote);

  await settled(remote, one);
  expect(await one.push()).toMatchObject({ outcome: "done", left: 0 });
  expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(one.path));
  expect((await fetch(two)).failed).toEqual([]);
  for (const each of [one, two])
    await expectWhole(each, isShared ? [...ids.slice(0, 3), theirs] : ids.slice(0, 3), [ids[3]]);
  for (const path of [remote, one.path, two.path]) await fsckClean(path);
  return end;
}

async function write({ repository, queue }: Machine, id: string): Promise<void> {
  const store = new V2Layout(repository, { rotateAt: 3 });
  const { refs } = await store.write(checkpointInput(id, [await sessionInput(repository, `s-${id}`)]));
  await queue.add(refs);
}

async function fetch({ repository }: Machine) {
  return await fetchAll({ repository, remote: "origin", timeoutMs: 20_000 });
}

async function expectWhole(
  { repository }: Machine,
  archived: readonly string[],
  current: readonly string[],
): Promise<void> {
  const idsOf = async (tip: string | null): Promise<readonly string[]> =>
    (await (await ShardedTree.at(repository.objects, tip)).all()).map(({ id }) => id).toSorted();
  const archives = await archivesOf(repository);
  expect(await Promise.all(archives.map(({ id }) => idsOf(id)))).toEqual([archived.toSorted()]);
  expect(await idsOf(await repository.refs.read(v2CurrentRef))).toEqual(current);
  for (const id of [...archived, ...current]) {
    const stored = await new V2Layout(repository).read(id);
    expect(await textOfBlobs(repository, stored!.sessions[0]!.transcript)).toContain(`s-${id}`);
  }
}
