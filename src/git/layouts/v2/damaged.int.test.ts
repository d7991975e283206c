import { expect, test } from "vitest";
import { checkpointInput, sessionInput } from "../../../../test/git/checkpoint-data.ts";
import { damages } from "../../../../test/git/damaged-objects.ts";
import { openedForEach } from "../../../../test/git/opened-repository.ts";
import { v2ArchivePrefix, v2CurrentRef, v2MainRef } from "../../format/checkpoint-refs.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { V2Layout } from "./layout.ts";
import { expiredArchives } from "./retention.ts";
import { rotate } from "./rotate.ts";

const [old, young] = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"];
let repository: Repository;

openedForEach((opened) => ({ repository } = opened), { areDamaged: true });

async function twoCheckpoints(): Promise<void> {
  for (const [id, at] of [
    [old, "2025-01-01T00:00:00Z"],
    [young, "2025-05-05T00:00:00Z"],
  ] as const) {
    const session = await sessionInput(repository, `s-${id}`, { metadata: { created_at: at } });
    await new V2Layout(repository).write(checkpointInput(id, [session]));
  }
}

test.each([v2CurrentRef, v2MainRef])(
  "current is not archived while a shard of %s cannot be read",
  async (ref) => {
    await twoCheckpoints();
    await damages.lose(repository, `${ref}:bb`);
    await expect(rotate(repository, { at: 1 })).rejects.toMatchObject({ code: "git_object_invalid" });
    expect(await repository.refs.read(`${v2ArchivePrefix}0000000000001`)).toBeNull();
  },
);

test("an archive is of now where the metadata of one of its checkpoints cannot be read", async () => {
  await twoCheckpoints();
  await damages.lose(repository, `${v2MainRef}:bb/${young.slice(2)}/0/metadata.json`);
  await rotate(repository, { at: 1 });
  expect(await expiredArchives(repository, { beforeMs: Date.parse("2025-02-02") })).toEqual([]);
});
