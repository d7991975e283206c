import type { ListedCheckpoint } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import type { Commit } from "../plumbing/objects.ts";
import type { MigrateWork } from "./migrate.ts";

/** The commit that wrote a checkpoint of git-refs; null where it cannot be read. */
export async function commitOf(
  { repository }: Pick<MigrateWork, "repository">,
  { version }: ListedCheckpoint,
): Promise<Commit | null> {
  try {
    return await repository.objects.commit(version);
  } catch (error) {
    if (!isDamage(error)) throw error;
    return null;
  }
}

/** When a checkpoint was written; 0 where nobody knows, which is told where it is carried over. */
export async function timeOf(work: MigrateWork, listed: ListedCheckpoint): Promise<number> {
  const author =
    work.from === "git-refs" ? (await commitOf(work, listed))?.author : work.authors.get(listed.id);
  return author?.atMs ?? 0;
}
