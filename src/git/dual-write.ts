import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { BehindNotes, reasonOf, type Behind, type MirrorWork, type Note } from "./behind.ts";
import type {
  CheckpointInput,
  CheckpointStore,
  Layout,
  ListedCheckpoint,
  StoredCheckpoint,
  Written,
} from "./checkpoint-store.ts";
import { inputOfStored } from "./copy-checkpoint.ts";
import { checkId, compareIds } from "./format/ids.ts";
import type { Repository } from "./plumbing/repository.ts";

/** What checkpoints are written to and read from. */
export interface DualWriteOptions {
  readonly repository: Pick<Repository, "commonDir" | "objects">;
  /** Decides ids and results. */
  readonly primary: CheckpointStore;
  readonly mirrors: readonly CheckpointStore[];
  /** Asked after the primary where the shape of an id allows it: the branch that was there before git-refs. */
  readonly older?: CheckpointStore;
  /** Lets ULIDs into mirrors whose other readers do not look for them (specification, section 7). */
  readonly ulidMirrors?: boolean;
  /** A mirror was written: its refs are to be pushed. */
  readonly onMirrored?: (layout: Layout, written: Written) => Promise<void>;
  /** A mirror failed; it is noted already. */
  readonly onBehind?: (work: MirrorWork, reason: string) => void;
}

/** What of mirrors is healed beside what is noted. */
export interface HealOptions {
  readonly also?: readonly Pick<MirrorWork, "layout" | "id">[];
}

/** What a healing of mirrors has done. */
export interface Healed {
  /** Checkpoints that were brought to a mirror, or taken away there. */
  readonly healed: number;
  /** What is still behind. */
  readonly left: readonly Behind[];
}

/** A primary and its mirrors as one store: the primary decides, mirrors follow, and what they missed is healed later. */
export class DualStore implements CheckpointStore {
  readonly #options: DualWriteOptions;
  readonly #notes: BehindNotes;
  // One after the other in each mirror, so that the later write of a checkpoint is the later there too.
  readonly #last = new Map<Layout, Promise<void>>();

  /** @throws checkpoint_invalid for a mirror that could not hold what the primary does */
  constructor(options: DualWriteOptions) {
    checkMirrors(options);
    this.#options = options;
    this.#notes = new BehindNotes(options.repository.commonDir);
  }

  get layout(): Layout {
    return this.#options.primary.layout;
  }

  write(checkpoint: CheckpointInput): Promise<Written> {
    const { primary } = this.#options;
    return this.#mirrored(
      { id: checkpoint.id, what: "write" },
      {
        lead: () => primary.write(checkpoint),
        follow: (mirror) => mirror.write(checkpoint),
      },
    );
  }

  /** Goes to the first store that has the checkpoint, in the order in which it is read (section 4). */
  update(checkpoint: CheckpointInput): Promise<Written> {
    const stores = this.#readers(checkpoint.id);
    return this.#mirrored(
      { id: checkpoint.id, what: "write" },
      {
        lead: () => firstThatKnows(stores, (store) => store.update(checkpoint)),
        follow: (mirror) => mirror.update(checkpoint),
      },
    );
  }

  async read(id: string): Promise<StoredCheckpoint | null> {
    let failure: unknown;
    for (const store of this.#readers(id)) {
      try {
        const stored = await store.read(id);
        if (stored !== null) return stored;
        failure = undefined;
      } catch (error) {
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    return null;
  }

  async list(): Promise<readonly ListedCheckpoint[]> {
    const { primary, older } = this.#options;
    const lists = await Promise.all(
      (older === undefined ? [primary] : [older, primary]).map((store) => store.list()),
    );
    const byId = new Map(lists.flat().map((listed) => [listed.id, listed]));
    return [...byId.values()].toSorted((a, b) => compareIds(a.id, b.id));
  }

  remove(id: string): Promise<{ readonly removed: boolean }> {
    const { primary, older } = this.#options;
    return this.#mirrored(
      { id, what: "remove" },
      {
        lead: async () => {
          const { removed } = await primary.remove(id);
          const wasOlder = await older?.remove(id);
          return { removed: removed || wasOlder?.removed === true };
        },
        follow: (mirror) => mirror.remove(id),
      },
    );
  }

  /** What mirrors have missed. */
  behind(): Promise<readonly Behind[]> {
    return this.#notes.list();
  }

  /** Resolves when the mirrors have been tried with all that was written here. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }

  /** Brings mirrors to what is read here of a checkpoint: where it is noted or named. */
  async heal(options: HealOptions = {}): Promise<Healed> {
    await this.settled();
    let healed = 0;
    for (const work of await this.#workToHeal(options)) {
      const mirror = this.#options.mirrors.find(({ layout }) => layout === work.layout);
      if (mirror === undefined) continue;
      let isBrought = false;
      const reason = await this.#notes.settle(work, async () => {
        isBrought = await this.#bring(mirror, work);
      });
      if (isBrought) healed += 1;
      if (reason !== undefined) this.#options.onBehind?.(work, reason);
    }
    return { healed, left: await this.#notes.list() };
  }

  async #workToHeal({ also = [] }: HealOptions): Promise<readonly MirrorWork[]> {
    const noted = await this.#notes.list();
    return onceEach([...noted, ...also.map(({ layout, id }) => ({ layout, id, what: "write" as const }))]);
  }

  /** False: nobody has it, and there is nothing to bring. */
  async #bring(mirror: CheckpointStore, { id, what, layout }: MirrorWork): Promise<boolean> {
    const { repository, onMirrored } = this.#options;
    for (;;) {
      const stored = await this.#source(id);
      // Only a removal that was asked for takes anything away: the mirror may hold what the primary never had.
      if (stored === null) return what === "remove" && (await mirror.remove(id)).removed;
      const written = await mirror.write(await inputOfStored(repository.objects, stored));
      await onMirrored?.(layout, written);
      // What the primary was given meanwhile may have reached the mirror before this older copy did.
      if ((await this.#source(id))?.version === stored.version) return true;
    }
  }

  /** As it is read here, but from no mirror. */
  async #source(id: string): Promise<StoredCheckpoint | null> {
    for (const store of this.#readers(id)) {
      const stored = this.#options.mirrors.includes(store) ? null : await store.read(id);
      if (stored !== null) return stored;
    }
    return null;
  }

  async #mirrored<Result>(
    { id, what }: Pick<MirrorWork, "id" | "what">,
    {
      lead,
      follow,
    }: {
      readonly lead: () => Promise<Result>;
      readonly follow: (mirror: CheckpointStore) => Promise<Written | { readonly removed: boolean }>;
    },
  ): Promise<Result> {
    checkId(id);
    const mirrors = this.#options.mirrors.filter(({ layout }) => this.#takes(layout, id));
    const begun = await Promise.all(
      mirrors.map((mirror) => this.#begin({ layout: mirror.layout, id, what }, mirror)),
    );
    try {
      const result = await lead();
      for (const { mirror, work, note } of begun) this.#follow({ work, note, act: () => follow(mirror) });
      return result;
    } catch (error) {
      for (const { note } of begun) await note?.done();
      throw error;
    }
  }

  // A note that cannot be written must not fail the primary.
  async #begin(
    work: MirrorWork,
    mirror: CheckpointStore,
  ): Promise<{
    readonly mirror: CheckpointStore;
    readonly work: MirrorWork;
    readonly note: Note | undefined;
  }> {
    try {
      return { mirror, work, note: await this.#notes.begin(work) };
    } catch (error) {
      this.#options.onBehind?.(work, reasonOf(error));
      return { mirror, work, note: undefined };
    }
  }

  #follow({
    work,
    note,
    act,
  }: {
    work: MirrorWork;
    note: Note | undefined;
    act: () => Promise<Written | { readonly removed: boolean }>;
  }): void {
    const run = async (): Promise<void> => {
      try {
        const result = await act();
        if ("refs" in result) await this.#options.onMirrored?.(work.layout, result);
        await note?.done();
      } catch (error) {
        const reason = reasonOf(error);
        await note?.failed(reason).catch(() => undefined);
        this.#options.onBehind?.(work, reason);
      }
    };
    this.#last.set(work.layout, (this.#last.get(work.layout) ?? Promise.resolve()).then(run));
  }

  #readers(id: string): readonly CheckpointStore[] {
    const { primary, older, mirrors } = this.#options;
    if (checkId(id) === "hex") return older === undefined ? [primary] : [primary, older];
    if (primary.layout === "git-refs") return [primary];
    const refs = mirrors.find(({ layout }) => layout === "git-refs");
    return refs === undefined ? [primary] : [refs, primary];
  }

  #takes(layout: Layout, id: string): boolean {
    return layout === "git-refs" || this.#options.ulidMirrors === true || checkId(id) === "hex";
  }
}

function checkMirrors({ primary, mirrors, ulidMirrors = false }: DualWriteOptions): void {
  const layouts = [primary, ...mirrors].map(({ layout }) => layout);
  const twice = layouts.find((layout, index) => layouts.indexOf(layout) !== index);
  if (twice !== undefined)
    refuse(`${twice} is named twice`, "Name each layout once, as the primary or as a mirror.");
  const refused = mirrors.find(({ layout }) => layout !== "git-refs");
  if (primary.layout === "git-refs" && refused !== undefined && !ulidMirrors)
    refuse(
      `a primary of git-refs gives ULIDs, which readers of ${refused.layout} do not look for`,
      `Leave out the mirror ${refused.layout}, or set \`holdfast.ulidMirrors\` to true.`,
    );
}

function refuse(fault: string, next: string): never {
  throw new HoldfastError({
    code: "checkpoint_invalid",
    message: `The mirrors cannot be used: ${fault}.`,
    next,
  });
}

async function firstThatKnows<Result>(
  stores: readonly CheckpointStore[],
  act: (store: CheckpointStore) => Promise<Result>,
): Promise<Result> {
  for (const [index, store] of stores.entries()) {
    try {
      return await act(store);
    } catch (error) {
      const isUnknown = isHoldfastError(error) && error.code === "checkpoint_unknown";
      if (!isUnknown || index === stores.length - 1) throw error;
    }
  }
  throw new TypeError("There is no store to ask.");
}

// Where a removal and a write are both noted, the removal must not be forgotten: what the primary holds decides.
function onceEach(works: readonly MirrorWork[]): MirrorWork[] {
  const byMirror = new Map<string, MirrorWork>();
  for (const work of works) {
    const key = `${work.layout} ${work.id}`;
    if (work.what === "remove" || !byMirror.has(key)) byMirror.set(key, work);
  }
  return [...byMirror.values()];
}
