import { DualStore } from "../dual-write.ts";
import { BranchLayout } from "../layouts/branch.ts";
import { openLayout } from "../layouts/open-layout.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { FlowSettings } from "./flow-settings.ts";

export interface FlowStoreParams {
  readonly repository: Repository;
  readonly settings: FlowSettings;
  readonly ulidMirrors: boolean;
  /** Refs that a mirror has written. */
  readonly onMirrored: (refs: readonly string[]) => Promise<void>;
  readonly onBehind: (what: string, error: unknown) => void;
}

/** The layouts of a repository as its settings have them, behind one store. @throws git_settings_invalid */
export function openFlowStore(params: FlowStoreParams): DualStore {
  const { repository, settings, ulidMirrors, onMirrored, onBehind } = params;
  const { layout, mirrors } = settings;
  const options = {
    allowUlids: ulidMirrors,
    warn: (error: unknown): void => onBehind("rotation of v2", error),
  };
  // Checkpoints of the time before git-refs stay where they are, and are still read and completed.
  const hasOlder = layout === "git-refs" && !mirrors.includes("git-branch");
  return new DualStore({
    repository,
    primary: openLayout(repository, layout, options),
    mirrors: mirrors.map((mirror) => openLayout(repository, mirror, options)),
    ...(hasOlder ? { older: new BranchLayout(repository) } : {}),
    ulidMirrors,
    onMirrored: (_layout, { refs }) => onMirrored(refs),
    onBehind: (work, reason) => onBehind(`mirror ${work.layout}: ${work.id}`, reason),
  });
}
