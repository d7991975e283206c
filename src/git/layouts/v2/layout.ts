import { HoldfastError } from "../../../core/errors.ts";
import type {
  CheckpointInput,
  CheckpointStore,
  ListedCheckpoint,
  StoredCheckpoint,
  Written,
} from "../../checkpoint-store.ts";
import { isDamage, type OnDamaged } from "../../damage.ts";
import { removalMessage } from "../../format/commit-message.ts";
import { checkId, compareIds, treePathOf } from "../../format/ids.ts";
import { slotOfName } from "../../format/slots.ts";
import { objectId } from "../../plumbing/object-id.ts";
import type { ObjectBatch, ObjectId } from "../../plumbing/objects.ts";
import type { Ref } from "../../plumbing/refs.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { v2CurrentRef, v2MainRef } from "../../format/checkpoint-refs.ts";
import { type Step, advanceRef } from "../advance-ref.ts";
import { checkInput } from "../check-input.ts";
import { buildCheckpoint } from "../checkpoint-tree.ts";
import { commitFields, unknownCheckpoint } from "../layout-commit.ts";
import { readCheckpoint } from "../read-checkpoint.ts";
import { StoredFolders } from "../stored-folders.ts";
import { type FullCheckpoint, findFull, fullRefs } from "./full-refs.ts";
import { type FullWork, fullSlot, fullWorkOf } from "./full-part.ts";
import { mainPart } from "./main-part.ts";
import { OldSlots } from "./old-slots.ts";
import type { Profile } from "./profile.ts";
import { mendRotation, rotate } from "./rotate.ts";
import { Scratch } from "./scratch.ts";
import { ShardedTree, folderOf } from "./sharded-tree.ts";
import { wholeView } from "./whole-view.ts";

export interface V2Options {
  readonly profile?: Profile;
  /** Lets ULIDs in, which no other reader looks for here. */
  readonly allowUlids?: boolean;
  /** Checkpoints in current from which on it becomes an archive; default 100. */
  readonly rotateAt?: number;
  /** Told that a rotation failed; what was written stands. */
  readonly warn?: (error: unknown) => void;
  /** Told of each shard of main that a list leaves out. */
  readonly onDamaged?: OnDamaged;
  /** Brings archives that are not here from a remote, where a transcript is nowhere else. */
  readonly fetchArchives?: () => Promise<void>;
}

/** The v2 layout: metadata on main, raw transcripts on current and its archives (specification, section 6). */
export class V2Layout implements CheckpointStore {
  readonly layout = "v2";
  readonly #repository: Repository;
  readonly #options: V2Options;
  readonly #old: OldSlots;
  #folders: { readonly refs: string; readonly folders: ReadonlyMap<string, string> } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(repository: Repository, options: V2Options = {}) {
    this.#repository = repository;
    this.#options = options;
    this.#old = new OldSlots(repository);
  }

  async write(checkpoint: CheckpointInput): Promise<Written> {
    this.#check(checkpoint);
    return await this.#inTurn(() => this.#write(checkpoint, false));
  }

  async update(checkpoint: CheckpointInput): Promise<Written> {
    this.#check(checkpoint);
    return await this.#inTurn(() => this.#write(checkpoint, true));
  }

  async read(id: string): Promise<StoredCheckpoint | null> {
    checkId(id);
    const tip = await this.#repository.refs.read(v2MainRef);
    const main = await (
      await ShardedTree.of(this.#repository.objects, { name: v2MainRef, id: tip })
    ).folder(id);
    if (main === undefined) return null;
    const full = await this.#findFull(id, main, { onlyReads: true });
    const scratch = new Scratch(this.#repository);
    const tree = await wholeView(scratch, main, full);
    const folders = await this.#fullFolders();
    return await readCheckpoint(scratch, {
      id,
      tree,
      prefix: prefixOf(id),
      version: this.#version(main, folders.get(id)),
    });
  }

  async list(): Promise<readonly ListedCheckpoint[]> {
    const tip = await this.#repository.refs.read(v2MainRef);
    const main = await ShardedTree.of(this.#repository.objects, { name: v2MainRef, id: tip });
    const listed = await main.all({ onDamaged: (error) => this.#options.onDamaged?.(error) });
    const folders = await this.#fullFolders();
    return listed
      .map(({ id, tree }) => ({ id, version: this.#version(tree, folders.get(id)) }))
      .toSorted((a, b) => compareIds(a.id, b.id));
  }

  /** Its transcripts go first: what is left of a removal that was cut short is still found by its metadata. */
  async remove(id: string): Promise<{ readonly removed: boolean }> {
    checkId(id);
    return await this.#inTurn(async () => {
      const refs = await fullRefs(this.#repository);
      const removed = [];
      for (const ref of [...refs.map(({ name }) => name), v2MainRef])
        removed.push(await this.#removeFrom(ref, id));
      return { removed: removed.includes(true) };
    });
  }

  // Writers of one process would only make each other try again.
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work, work);
    this.#last = result;
    return result;
  }

  async #write(checkpoint: CheckpointInput, mustBeThere: boolean): Promise<Written> {
    await mendRotation(this.#repository);
    const main = await advanceRef(this.#repository, {
      ref: v2MainRef,
      reason,
      next: (tip, batch) => this.#putMain({ checkpoint, tip, batch, mustBeThere }),
    });
    const full = await this.#writeFull(checkpoint, main.slots);
    const refs = [...new Set([v2MainRef, ...full.refs, ...(full.changed ? await this.#rotate() : [])])];
    return { ...main, changed: main.changed || full.changed, refs };
  }

  async #putMain({ checkpoint, tip, batch, mustBeThere }: PutMain): Promise<Step<Omit<Written, "refs">>> {
    const { id } = checkpoint;
    const { objects } = this.#repository;
    const sharded = await ShardedTree.of(objects, { name: v2MainRef, id: tip });
    const stored = await sharded.folder(id);
    if (mustBeThere && stored === undefined) throw unknownCheckpoint(id);
    const scratch = new Scratch(this.#repository);
    const view =
      stored === undefined ? null : await wholeView(scratch, stored, await this.#findFull(id, stored));
    const prefix = prefixOf(id);
    const built = await buildCheckpoint({
      objects: scratch,
      batch: scratch.batch(),
      stored: view,
      input: checkpoint,
      prefix,
    });
    const tree = await mainPart({
      scratch,
      batch,
      built,
      stored,
      input: checkpoint,
      prefix,
      profile: this.#profile,
    });
    const result = { id, slots: built.slots };
    if (tip !== null && tree === stored)
      return { to: tip, result: { ...result, commit: tip, changed: false } };
    await sharded.put(id, tree);
    const commit = await this.#commit({ checkpoint, tip, batch, tree: sharded.write(batch) });
    return { to: commit, result: { ...result, commit, changed: true } };
  }

  // A slot is rewritten where it lies. When current is rotated meanwhile, it is looked for again.
  async #writeFull(
    checkpoint: CheckpointInput,
    slots: ReadonlyMap<string, number>,
  ): Promise<{ readonly refs: readonly string[]; readonly changed: boolean }> {
    const refs = new Set<string>();
    let changed = false;
    const { id } = checkpoint;
    const full = await findFull(this.#repository, { id, slots: [], old: this.#old });
    let waiting = fullWorkOf(checkpoint, slots, full);
    for (
      let found = full;
      waiting.length > 0;
      found = await findFull(this.#repository, { id, slots: [], old: this.#old })
    ) {
      const refOf = ({ slot }: FullWork): string => found.slots.get(slot)?.ref ?? v2CurrentRef;
      const ref = refOf(waiting[0]!);
      const here = waiting.filter((work) => refOf(work) === ref);
      const outcome = await advanceRef(this.#repository, {
        ref,
        reason,
        next: (tip, batch) => this.#putFull({ checkpoint, ref, tip, batch, works: here }),
      });
      if (outcome === "elsewhere") continue;
      refs.add(ref);
      changed ||= outcome === "changed";
      waiting = waiting.filter((work) => !here.includes(work));
    }
    return { refs: [...refs], changed };
  }

  async #putFull({
    checkpoint,
    ref,
    tip,
    batch,
    works,
  }: PutFull): Promise<Step<"changed" | "same" | "elsewhere">> {
    const { id } = checkpoint;
    const { objects } = this.#repository;
    const stored = await ShardedTree.of(objects, { name: ref, id: tip });
    const before = await folderOf(objects, await stored.folder(id));
    const now = await findFull(this.#repository, { id, slots: [], old: this.#old });
    if (works.some(({ slot }) => (now.slots.get(slot)?.ref ?? v2CurrentRef) !== ref))
      return { to: tip, result: "elsewhere" };
    const isSeed = this.#profile === "seed";
    const target = isSeed ? await ShardedTree.at(objects, null) : stored;
    const folder = isSeed ? await folderOf(objects, undefined) : before;
    const load = new StoredFolders(objects, id);
    let isSame = true;
    for (const work of works) {
      const name = String(work.slot);
      const tree = await fullSlot({
        ...{ load, batch },
        stored: before.folder(name),
        work,
        profile: this.#profile,
      });
      isSame &&= before.folder(name) === tree;
      folder.put(name, tree, "40000");
    }
    if (tip !== null && isSame) return { to: tip, result: "same" };
    await target.put(id, batch.tree(folder.entries));
    return {
      to: await this.#commit({ checkpoint, tip, batch, tree: target.write(batch) }),
      result: "changed",
    };
  }

  async #commit({ checkpoint, tip, batch, tree }: CommitParams): Promise<ObjectId> {
    const fields = await commitFields(this.#repository, checkpoint);
    const parent =
      tip ?? batch.commit({ ...fields, tree: batch.tree([]), parents: [], message: "Initialize v2 ref\n" });
    return batch.commit({ ...fields, tree, parents: [parent], message: messageOf(checkpoint) });
  }

  async #removeFrom(ref: string, id: string): Promise<boolean> {
    return await advanceRef<boolean>(this.#repository, {
      ref,
      reason: "holdfast: remove checkpoint",
      next: async (tip, batch) => {
        const sharded = await ShardedTree.of(this.#repository.objects, { name: ref, id: tip });
        if (tip === null || (await sharded.folder(id)) === undefined) return { to: tip, result: false };
        await sharded.put(id, null);
        const who = await this.#repository.identity();
        const fields = { author: who, committer: who, message: removalMessage(id) };
        return { to: batch.commit({ tree: sharded.write(batch), parents: [tip], ...fields }), result: true };
      },
    });
  }

  async #rotate(): Promise<readonly string[]> {
    if (this.#profile === "seed") return [];
    try {
      const archive = await rotate(this.#repository, { at: this.#options.rotateAt ?? 100 });
      return archive === null ? [] : [archive];
    } catch (error) {
      this.#options.warn?.(error);
      return [];
    }
  }

  async #findFull(id: string, main: ObjectId, { onlyReads = false } = {}): Promise<FullCheckpoint> {
    const { entries } = await folderOf(this.#repository.objects, main);
    const slots = entries.flatMap(({ name, mode }) => (mode === "40000" ? (slotOfName(name) ?? []) : []));
    const find = (): Promise<FullCheckpoint> =>
      findFull(this.#repository, { id, slots, old: this.#old, onlyReads });
    const full = await find();
    const isWhole = slots.every((slot) => full.slots.has(slot));
    if (!onlyReads || this.#options.fetchArchives === undefined || isWhole) return full;
    await this.#options.fetchArchives();
    return await find();
  }

  // Each checkpoint's folders among the raw refs, as one text; read once as long as the refs stay, for they are thousands.
  async #fullFolders(): Promise<ReadonlyMap<string, string>> {
    const full = await fullRefs(this.#repository);
    const refs = full.map(({ id }) => id).join(" ");
    if (this.#folders?.refs === refs) return this.#folders.folders;
    const folders = new Map<string, string>();
    for (const ref of full)
      for (const { id, tree } of await this.#allIn(ref)) folders.set(id, `${folders.get(id) ?? ""}${tree}\n`);
    this.#folders = { refs, folders };
    return folders;
  }

  // Of a ref or a shard that cannot be read there are none, as where what it holds is read.
  async #allIn(ref: Ref): Promise<readonly { readonly id: string; readonly tree: ObjectId }[]> {
    try {
      return await (await ShardedTree.of(this.#repository.objects, ref)).all({ onDamaged: () => undefined });
    } catch (error) {
      if (!isDamage(error)) throw error;
      return [];
    }
  }

  // It changes with each of the parts; there is no object of that id.
  #version(main: ObjectId, full: string | undefined): ObjectId {
    if (full === undefined) return main;
    return objectId("blob", Buffer.from(`${main}\n${full}`), this.#repository.objectFormat);
  }

  get #profile(): Profile {
    return this.#options.profile ?? "final";
  }

  #check(checkpoint: CheckpointInput): void {
    checkInput(checkpoint);
    if (checkId(checkpoint.id) === "hex" || this.#options.allowUlids === true) return;
    throw new HoldfastError({
      code: "checkpoint_invalid",
      message: `The checkpoint ${checkpoint.id} has a ULID, which readers of the v2 layout do not look for.`,
      next: "Write it to git-refs, or set `holdfast.ulidMirrors` to true.",
      data: { id: checkpoint.id },
    });
  }
}

interface CommitParams {
  readonly checkpoint: CheckpointInput;
  readonly tip: ObjectId | null;
  readonly batch: ObjectBatch;
  readonly tree: ObjectId;
}

type PutMain = Omit<CommitParams, "tree"> & { readonly mustBeThere: boolean };
type PutFull = Omit<CommitParams, "tree"> & { readonly ref: string; readonly works: readonly FullWork[] };

const reason = "holdfast: checkpoint";

function prefixOf(id: string): string {
  const { shard, name } = treePathOf(id);
  return `/${shard}/${name}`;
}

// Without trailers (section 6.3).
function messageOf({ id, subject }: CheckpointInput): string {
  if (subject === undefined) return `Checkpoint: ${id}\n`;
  return subject.startsWith("Finalize ") ? `Finalize checkpoint: ${id}\n` : `${subject.split("\n")[0]!}\n`;
}
