import { HoldfastError } from "../../core/errors.ts";
import type { CheckpointStore, StoredCheckpoint } from "../checkpoint-store.ts";

/** Where checkpoints are read from: a layout, or what stands for several. */
export type CheckpointSource = Pick<CheckpointStore, "read" | "list">;

/** Is told what cannot be read; all the rest then is. Without it, that ends the reading. */
export type OnDamage = (error: HoldfastError) => void;

/** A checkpoint that has to be there. @throws checkpoint_unknown */
export async function readKnown(source: CheckpointSource, id: string): Promise<StoredCheckpoint> {
  const stored = await source.read(id);
  if (stored !== null) return stored;
  throw new HoldfastError({
    code: "checkpoint_unknown",
    message: `The checkpoint ${id} is not in this repository.`,
    next: fetchHint(id),
    data: { id },
  });
}

/** What brings a checkpoint that is named here and lies elsewhere. */
export function fetchHint(id: string): string {
  return `If it was pushed, bring it with: holdfast git fetch ${id}`;
}
