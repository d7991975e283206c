import { isDamage } from "../../damage.ts";
import type { Repository } from "../../plumbing/repository.ts";
import type { Ref } from "../../plumbing/refs.ts";
import { archivesOf } from "./full-refs.ts";
import { newestIn } from "./generation.ts";

/** The archives whose newest checkpoint is older than a time; main is never one of them (specification, section 6.3). */
export async function expiredArchives(
  repository: Repository,
  { beforeMs }: { readonly beforeMs: number },
): Promise<readonly Ref[]> {
  const expired: Ref[] = [];
  for (const archive of await archivesOf(repository)) {
    const newest = await newestIn(repository, archive.id).catch((error: unknown) => {
      // Nobody knows of when it is.
      if (!isDamage(error)) throw error;
    });
    if (newest !== undefined && newest < beforeMs) expired.push(archive);
  }
  return expired;
}

/** Removes archives here, each only while it is as it was when it was found; gives those that are gone. */
export async function removeArchives(
  repository: Repository,
  archives: readonly Ref[],
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const { name, id } of archives)
    if (
      (await repository.refs.update({ name, from: id, to: null, reason: "holdfast: retention" })) ===
      "updated"
    )
      removed.push(name);
  return removed;
}
