import { heldCommits, namedInCommits } from "../named-in-commits.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";

/** Trailers that name no checkpoint, and checkpoints that no commit names and that name none. */
export async function verifyCommits(
  repository: Repository,
  {
    known,
    told,
    only,
    found,
  }: {
    readonly known: ReadonlySet<string>;
    /** The commits that checkpoints name. */
    readonly told: ReadonlyMap<string, readonly ObjectId[]>;
    readonly only: string | undefined;
    readonly found: Found;
  },
): Promise<void> {
  const named = await namedInCommits(repository);
  for (const [id, commits] of named) {
    if (known.has(id) || (only !== undefined && id !== only)) continue;
    const sentence = `Its message names the checkpoint ${id}, which is not here.`;
    found.add("commit_without_checkpoint", { id, where: commits[0] ?? id }, sentence);
  }
  const unnamed = [...known].filter((id) => !named.has(id) && (only === undefined || id === only));
  const held = unnamed.some((id) => (told.get(id) ?? []).length > 0)
    ? await heldCommits(repository)
    : new Set();
  for (const id of unnamed) {
    if ((told.get(id) ?? []).some((commit) => held.has(commit))) continue;
    found.add(
      "checkpoint_without_commit",
      { id, where: id },
      "No commit of a branch or tag names it, and it names none.",
    );
  }
}
