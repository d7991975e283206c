import type { CheckpointStore, ListedCheckpoint, StoredCheckpoint } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import { compareIds } from "../format/ids.ts";
import type { CheckpointSource, OnDamage } from "./checkpoint-source.ts";

/** Several layouts as one to read from, the one that decides first (specification, section 4). */
export class RoutedSource implements CheckpointSource {
  readonly #stores: readonly Pick<CheckpointStore, "read" | "list">[];

  readonly #onDamage: OnDamage | undefined;

  constructor(
    stores: readonly Pick<CheckpointStore, "read" | "list">[],
    { onDamage }: { readonly onDamage?: OnDamage } = {},
  ) {
    this.#stores = stores;
    this.#onDamage = onDamage;
  }

  async read(id: string): Promise<StoredCheckpoint | null> {
    let failure: { readonly error: unknown } | undefined;
    for (const store of this.#stores) {
      try {
        const stored = await store.read(id);
        if (stored !== null) return stored;
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
    return null;
  }

  async list(): Promise<readonly ListedCheckpoint[]> {
    const lists = await Promise.all(
      this.#stores.map((store) => store.list().catch((error: unknown) => this.#passOver(error))),
    );
    const byId = new Map<string, ListedCheckpoint>();
    for (const listed of lists) for (const one of listed) if (!byId.has(one.id)) byId.set(one.id, one);
    return lists.length === 1 ? lists[0]! : [...byId.values()].toSorted((a, b) => compareIds(a.id, b.id));
  }

  #passOver(error: unknown): readonly ListedCheckpoint[] {
    if (this.#onDamage === undefined || !isDamage(error)) throw error;
    this.#onDamage(error);
    return [];
  }
}
