import { layouts, readFlowSettings } from "../git/flow/flow-settings.ts";
import { openLayout } from "../git/layouts/open-layout.ts";
import type { Repository } from "../git/plumbing/repository.ts";
import type { CheckpointSource } from "../git/reading/checkpoint-source.ts";
import { FactsIndex } from "../git/reading/facts-index.ts";
import { RoutedSource } from "../git/reading/routed-source.ts";
import { TrackedBranches } from "../git/reading/tracked-branches.ts";
import { withRepository } from "./git-repository.ts";
import { sayError } from "./output.ts";

/** A repository with what is read of its checkpoints. */
export interface Checkpoints {
  readonly repository: Repository;
  readonly source: CheckpointSource;
  readonly index: FactsIndex;
  /** Whether something could not be read so far; it was told. */
  readonly isDamaged: () => boolean;
}

/** Opens the checkpoints of the current folder's repository, whichever layouts they lie in. @throws git_not_a_repository */
export function withCheckpoints<T>(use: (checkpoints: Checkpoints) => Promise<T>): Promise<T> {
  return withRepository(async (repository) => {
    const primary = (await readFlowSettings(repository))?.layout ?? "git-refs";
    const order = [primary, ...layouts.filter((layout) => layout !== primary)];
    const told = new Set<string>();
    const onDamage = ({ message }: Error): void => {
      if (!told.has(message)) sayError(message);
      told.add(message);
    };
    const stores = order.map((layout) => openLayout(repository, layout, { onDamaged: onDamage }));
    const source = new RoutedSource([...stores, new TrackedBranches(repository, { onDamaged: onDamage })], {
      onDamage,
    });
    const index = new FactsIndex({ repository, source, onDamage });
    return await use({ repository, source, index, isDamaged: () => told.size > 0 });
  });
}
