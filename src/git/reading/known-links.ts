import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { FactsIndex } from "./facts-index.ts";
import { byCommit, type FoundLink, keptLinks } from "./link-file.ts";

/**
 * Links that need no search, by commit: those that were kept in this repository, and those that checkpoints tell
 * themselves, which any machine has that has the checkpoint. A commit need not be here.
 */
export async function knownLinks({
  repository,
  index,
}: {
  readonly repository: Pick<Repository, "commonDir">;
  readonly index: FactsIndex;
}): Promise<ReadonlyMap<ObjectId, readonly FoundLink[]>> {
  const kept = [...keptLinks(repository).values()].flat();
  const known = new Set(kept.map(({ commit, checkpoint }) => `${commit} ${checkpoint}`));
  const told = (await index.told()).flatMap(({ id: checkpoint, commits }) =>
    commits.flatMap((commit): FoundLink[] =>
      known.has(`${commit} ${checkpoint}`)
        ? []
        : [{ commit, checkpoint, confidence: "certain", from: commit, reason: "the checkpoint names it" }],
    ),
  );
  return byCommit([...kept, ...told]);
}
