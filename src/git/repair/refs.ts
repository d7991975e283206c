import { refOfCheckpoint, shapeOfId } from "../format/ids.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { PushQueue } from "../push/queue.ts";
import type { Repair } from "../repair.ts";

/**
 * Moves a ref aside that nobody can use, or a note of it where what it names is not here, and puts one of a wrong shard where it is looked for. Null: what it names is
 * not here, but may come back, so that the ref is left; none: it is not to be touched.
 */
export async function repairRef(
  repository: Repository,
  { ref, dryRun, mayComeBack }: RepairRefParams,
): Promise<readonly Repair[] | null> {
  const target = await repository.refs.read(ref).catch(() => null);
  if (target === null) return [];
  const type = (await repository.objects.header(target))?.type;
  if (type === undefined && mayComeBack) return null;
  const id = ref.slice(ref.lastIndexOf("/") + 1);
  const right = shapeOfId(id) === undefined ? ref : refOfCheckpoint(id);
  const repairs: Repair[] = [];
  const there = right === ref ? null : await repository.refs.read(right);
  // Where case does not count both names may be of one file, which is found by either.
  if (there === target && right.toLowerCase() === ref.toLowerCase()) return [];
  if (type === "commit" && right !== ref && there === null) {
    repairs.push({ where: ref, id, sentence: `What it names is put where it is looked for: ${right}.` });
    if (!dryRun) {
      await repository.refs.update({ name: right, from: null, to: target, reason });
      await new PushQueue(repository.commonDir).add([right]);
    }
  }
  const aside = `${quarantine}${ref.slice("refs/".length)}`;
  repairs.push({
    where: ref,
    sentence:
      type === undefined
        ? `The ref goes; its name and ${target} are noted at ${aside}.`
        : `The ref is moved aside to ${aside}.`,
  });
  if (!dryRun) await moveAside(repository, { ref, target, aside, isHere: type !== undefined });
  return repairs;
}

export interface RepairRefParams {
  readonly ref: string;
  readonly dryRun: boolean;
  /** Objects that are not here may lie where they cannot be reached now. */
  readonly mayComeBack: boolean;
}

const reason = "holdfast: repair";
const quarantine = "refs/holdfast/quarantine/";

// First the other ref, so that a crash in between leaves both.
async function moveAside(
  repository: Repository,
  { ref, target, aside, isHere }: { ref: string; target: ObjectId; aside: string; isHere: boolean },
): Promise<void> {
  const { refs } = repository;
  // To what is not here git allows no ref.
  const to = isHere ? target : await noteOf(repository, { ref, target });
  const there = await refs.read(aside);
  const name = there === null || there === to ? aside : `${aside}-${to.slice(0, 12)}`;
  if ((await refs.read(name)) !== to) await refs.update({ name, from: null, to, reason });
  await refs.update({ name: ref, from: target, to: null, reason });
}

async function noteOf(repository: Repository, named: { ref: string; target: ObjectId }): Promise<ObjectId> {
  const batch = repository.batch();
  const note = batch.blob(Buffer.from(`${JSON.stringify(named)}\n`));
  await batch.flush();
  return note;
}
