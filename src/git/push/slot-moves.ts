import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fieldsOf, objectIn } from "../../core/json.ts";
import { shapeOfId } from "../format/ids.ts";
import { advanceRef } from "../layouts/advance-ref.ts";
import { fullRefs } from "../layouts/v2/full-refs.ts";
import { ShardedTree, folderOf } from "../layouts/v2/sharded-tree.ts";
import { FolderEdit } from "../layouts/slot-tree.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { JoinContext } from "./join-entries.ts";
import { writeOwnFile } from "./own-folder.ts";
import { PushQueue } from "./queue.ts";

/**
 * Notes our sessions that get another slot when main is joined, before main moves: their transcripts have to follow,
 * and a process that is killed in between must not leave one under another session's number.
 */
export async function noteMoves({ commonDir }: Repository, moved: JoinContext["moved"]): Promise<void> {
  const moves = [...moved].filter(([, slots]) => slots.size > 0);
  const named = moves.map(([path, slots]) => [path.replaceAll("/", ""), Object.fromEntries(slots)]);
  if (named.length > 0) await writeOwnFile(commonDir, fileName, JSON.stringify(Object.fromEntries(named)));
}

/** Lets the transcripts follow that were noted, in whichever of our refs they lie; again it changes nothing. */
export async function followMoves(repository: Repository): Promise<void> {
  const path = join(repository.commonDir, "holdfast", fileName);
  const noted = objectIn(await readFile(path, "utf8").catch(() => ""));
  if (noted === undefined) return;
  const refs = (await fullRefs(repository)).map(({ name }) => name);
  for (const [id, slots] of Object.entries(noted)) {
    const moves = new Map(Object.entries(fieldsOf(slots) ?? {}).map(([from, to]) => [from, String(to)]));
    for (const ref of shapeOfId(id) === undefined ? [] : refs) await follow(repository, { ref, id, moves });
  }
  await rm(path, { force: true });
}

const fileName = "v2-slot-moves.json";

interface Moves {
  readonly ref: string;
  readonly id: string;
  readonly moves: ReadonlyMap<string, string>;
}

async function follow(repository: Repository, { ref, id, moves }: Moves): Promise<void> {
  const hasMoved = await advanceRef<boolean>(repository, {
    ref,
    reason: "holdfast: move slots",
    next: async (tip, batch) => {
      const sharded = await ShardedTree.at(repository.objects, tip);
      const { entries } = await folderOf(repository.objects, await sharded.folder(id));
      if (tip === null || entries.every(({ name }) => !moves.has(name))) return { to: tip, result: false };
      const folder = new FolderEdit(
        entries.map((entry) => ({ ...entry, name: moves.get(entry.name) ?? entry.name })),
      );
      await sharded.put(id, batch.tree(folder.entries));
      const who = await repository.identity();
      const fields = { author: who, committer: who, message: `Checkpoint: ${id}\n` };
      return { to: batch.commit({ tree: sharded.write(batch), parents: [tip], ...fields }), result: true };
    },
  });
  if (hasMoved) await new PushQueue(repository.commonDir).add([ref]);
}
