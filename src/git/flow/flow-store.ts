import { DualStore } from "../dual-write.ts";
import { openLayout } from "../layouts/open-layout.ts";
import type { Repository } from "../plumbing/repository.ts";
import { type FlowSettings, olderLayout } from "./flow-settings.ts";

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
  const older = olderLayout(settings);
  return new DualStore({
    repository,
    primary: openLayout(repository, layout, options),
    mirrors: mirrors.map((mirror) => openLayout(repository, mirror, options)),
    ...(older === undefined ? {} : { older: openLayout(repository, older) }),
    ulidMirrors,
    onMirrored: (_layout, { refs }) => onMirrored(refs),
    onBehind: (work, reason) => onBehind(`mirror ${work.layout}: ${work.id}`, reason),
  });
}
