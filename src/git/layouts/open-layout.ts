import type { CheckpointStore, Layout } from "../checkpoint-store.ts";
import type { Repository } from "../plumbing/repository.ts";
import { BranchLayout } from "./branch.ts";
import { RefsLayout } from "./refs.ts";
import { V2Layout, type V2Options } from "./v2/layout.ts";

/** One layout of a repository by its name, whether anything is in it or not. */
export function openLayout(
  repository: Repository,
  layout: Layout,
  { allowUlids = false, warn, onDamaged }: Pick<V2Options, "allowUlids" | "warn" | "onDamaged"> = {},
): CheckpointStore {
  const told = onDamaged === undefined ? {} : { onDamaged };
  if (layout === "git-refs") return new RefsLayout(repository, told);
  return layout === "v2"
    ? new V2Layout(repository, { allowUlids, ...told, ...(warn === undefined ? {} : { warn }) })
    : new BranchLayout(repository, { allowUlids, ...told });
}
