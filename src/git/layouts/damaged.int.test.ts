import { expect, test } from "vitest";
import { checkpointInput, sessionInput } from "../../../test/git/checkpoint-data.ts";
import { damages } from "../../../test/git/damaged-objects.ts";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import type { HoldfastError } from "../../core/errors.ts";
import { branchRef, trackedBranch, v2MainRef } from "../format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { layouts } from "../flow/flow-settings.ts";
import { migrateCheckpoints } from "../migrate/migrate.ts";
import type { Repository } from "../plumbing/repository.ts";
import { verifyCheckpoints } from "../verify.ts";
import { openLayout } from "./open-layout.ts";

const ids = ["aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"];
const others = [ids[0], ids[2]];
let repository: Repository;

openedForEach((opened) => ({ repository } = opened), { areDamaged: true });

const cases = (["git-branch", "v2"] as const).flatMap((layout) =>
  (["lose", "spoil"] as const).map((how) => ({
    ...{ layout, how, ref: layout === "v2" ? v2MainRef : branchRef },
  })),
);

test.each(cases)(
  "$layout: after $how of a shard it hides no other, and is told",
  async ({ layout, how, ref }) => {
    for (const id of ids)
      await openLayout(repository, layout).write(
        checkpointInput(id, [await sessionInput(repository, `s-${id}`)]),
      );
    await damages[how](repository, `${ref}:bb`);

    const told: HoldfastError[] = [];
    const store = openLayout(repository, layout, { onDamaged: (error) => told.push(error) });
    expect((await store.list()).map(({ id }) => id)).toEqual(others);
    expect(told.map(({ message }) => message)).toEqual([
      expect.stringMatching(new RegExp(`^${ref} .*ids begin with bb `)),
    ]);

    expect(await verifyCheckpoints({ repository })).toMatchObject({ checkpoints: { [layout]: 2 } });
    const { findings } = await verifyCheckpoints({ repository, id: ids[1]! });
    expect(findings).toContainEqual(
      expect.objectContaining({ ...{ code: "object_missing", layout, where: `${ref}:bb` } }),
    );
    const migrated = await migrateCheckpoints({ repository, from: layout, to: "git-refs" });
    expect(migrated).toMatchObject({ created: 2 });
    expect(migrated.problems.map(({ id }) => id)).toContain(ref);
  },
);

test("a shard of a branch that only the remote has is told by that branch's name", async () => {
  for (const id of ids)
    await openLayout(repository, "git-branch").write(
      checkpointInput(id, [await sessionInput(repository, `s-${id}`)]),
    );
  const tracked = trackedBranch("origin");
  await repository.git(["update-ref", tracked, branchRef]);
  await repository.git(["update-ref", "-d", branchRef]);
  await damages.lose(repository, `${tracked}:bb`);
  const told: unknown[] = [];
  const store = openLayout(repository, "git-branch", { onDamaged: ({ data }) => told.push(data["ref"]) });
  expect((await store.list()).map(({ id }) => id)).toEqual(others);
  expect(told).toEqual([tracked]);
});

const slotIn = {
  "git-refs": `${refOfCheckpoint(ids[0]!)}:0`,
  "git-branch": `${branchRef}:aa/aaaaaaaaaa/0`,
  v2: `${v2MainRef}:aa/aaaaaaaaaa/0`,
};

test.each(layouts.flatMap((layout) => (["lose", "spoil"] as const).map((how) => ({ layout, how }))))(
  "$layout: after $how of a slot's metadata nobody writes, since it may be of the same session",
  async ({ layout, how }) => {
    const store = openLayout(repository, layout);
    const write = async (session: string, prompt: string) =>
      store.write(checkpointInput(ids[0]!, [await sessionInput(repository, session, { prompts: [prompt] })]));
    await write("s1", "One");
    const putBack = await damages[how](repository, `${slotIn[layout]}/metadata.json`);
    for (const session of ["s1", "s2"])
      await expect(write(session, "Two")).rejects.toMatchObject({ code: "checkpoint_damaged" });
    putBack();
    expect((await write("s1", "Three")).slots).toEqual(new Map([["s1", 0]]));
    expect((await write("s2", "Three")).slots).toEqual(new Map([["s2", 1]]));
  },
);
