import type { CheckpointStore } from "../../src/git/checkpoint-store.ts";
import { branchRef, v2Prefix } from "../../src/git/format/checkpoint-refs.ts";
import { BranchLayout } from "../../src/git/layouts/branch.ts";
import { RefsLayout } from "../../src/git/layouts/refs.ts";
import { V2Layout } from "../../src/git/layouts/v2/layout.ts";
import { checkpointRefs } from "../../src/git/format/ids.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";

/** What the suite of all layouts has to know of one. */
export interface LayoutUnderTest {
  readonly name: CheckpointStore["layout"];
  open(repository: Repository): CheckpointStore;
  /** What the names of all its refs begin with. */
  readonly refs: string;
  /** Whether images beside the transcript have a place in it. */
  readonly keepsAssets: boolean;
}

/** By name, so that another process of a test can open the same. */
export const layoutsUnderTest: Readonly<Record<string, LayoutUnderTest>> = {
  "git-refs": {
    name: "git-refs",
    open: (repository) => new RefsLayout(repository),
    refs: checkpointRefs,
    keepsAssets: true,
  },
  "git-branch": {
    name: "git-branch",
    open: (repository) => new BranchLayout(repository),
    refs: branchRef,
    keepsAssets: true,
  },
  v2: {
    name: "v2",
    open: (repository) => new V2Layout(repository),
    refs: v2Prefix,
    keepsAssets: true,
  },
};
