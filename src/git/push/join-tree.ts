import type { ObjectId } from "../plumbing/objects.ts";
import { joinCheckpoint } from "./join-checkpoint.ts";
import { type JoinContext, type ThreeIds, entriesOf, joinEntries } from "./join-entries.ts";

/** Joins trees of checkpoints; `depth` is how many folders lie above a checkpoint's own: 0 or 2. */
export async function joinTree(
  context: JoinContext,
  three: ThreeIds,
  { depth, path = "" }: Place,
): Promise<ObjectId> {
  if (depth === 0) return await joinCheckpoint(context, three, path);
  const entries = await entriesOf(context, three);
  const joined = await joinEntries(entries, (folders, name) =>
    joinTree(context, folders, { depth: depth - 1, path: `${path}/${name}` }),
  );
  return context.batch.tree(joined);
}

export interface Place {
  readonly depth: number;
  /** The folders above, with a slash before each. */
  readonly path?: string;
}
