import { namedInCommits } from "../named-in-commits.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";

/** Trailers that name no checkpoint, and checkpoints that no commit names. */
export async function verifyCommits(
  repository: Repository,
  {
    known,
    only,
    found,
  }: { readonly known: ReadonlySet<string>; readonly only: string | undefined; readonly found: Found },
): Promise<void> {
  const named = await namedInCommits(repository);
  for (const [id, commits] of named) {
    if (known.has(id) || (only !== undefined && id !== only)) continue;
    const sentence = `Its message names the checkpoint ${id}, which is not here.`;
    found.add("commit_without_checkpoint", { id, where: commits[0] ?? id }, sentence);
  }
  for (const id of known) {
    if (named.has(id) || (only !== undefined && id !== only)) continue;
    found.add("checkpoint_without_commit", { id, where: id }, "No commit of a branch or tag names it.");
  }
}
