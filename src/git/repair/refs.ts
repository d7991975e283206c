import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { refOfCheckpoint, shapeOfId } from "../format/ids.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { ownFolder } from "../push/own-folder.ts";
import { PushQueue } from "../push/queue.ts";
import type { Repair } from "../repair.ts";

/**
 * Moves a ref aside that nobody can use, and puts one of a wrong shard where it is looked for. Null: what it names is
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
        ? `Its name and ${target} are noted in holdfast/quarantine.jsonl, and the ref goes.`
        : `The ref is moved aside to ${aside}.`,
  });
  if (!dryRun) await moveAside(repository, { ref, target, aside: type === undefined ? null : aside });
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

// First the note or the other ref, so that a crash in between leaves both. To what is not here git allows no ref.
async function moveAside(
  { refs, commonDir }: Repository,
  { ref, target, aside }: { ref: string; target: ObjectId; aside: string | null },
): Promise<void> {
  if (aside === null) {
    const note = `${JSON.stringify({ ref, target, at: new Date().toISOString() })}\n`;
    await appendFile(join(await ownFolder(commonDir), "quarantine.jsonl"), note, {
      mode: 0o600,
      flush: true,
    });
  } else if ((await refs.read(aside)) !== target) {
    const from = await refs.read(aside);
    const name = from === null ? aside : `${aside}-${target.slice(0, 12)}`;
    await refs.update({ name, from: null, to: target, reason });
  }
  await refs.update({ name: ref, from: target, to: null, reason });
}
