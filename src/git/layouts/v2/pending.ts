import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fieldsOf, objectIn, textOf } from "../../../core/json.ts";
import { moveInto, uniquePart, writeNewFile } from "../../plumbing/durable-file.ts";
import type { ObjectId } from "../../plumbing/objects.ts";

/** A rotation that the remote does not know of yet (specification, section 6.3). */
export interface PendingRotation {
  readonly archiveRef: string;
  readonly archiveCommit: ObjectId;
  readonly previousCurrent: ObjectId;
  readonly resetRoot: ObjectId;
  readonly queuedAt: string;
}

/**
 * The rotations that wait, in the CLI's own file and form. Of two that write it at once one may be lost: then its archive
 * is still pushed, since the push queue names it, and what may replace a remote's current is told by the archive itself.
 */
export async function pendingRotations(commonDir: string): Promise<readonly PendingRotation[]> {
  const text = await readFile(pathIn(commonDir), "utf8").catch(() => "");
  const publications = objectIn(text.slice(0, maxCharacters))?.["publications"];
  return (Array.isArray(publications) ? (publications as readonly unknown[]) : []).flatMap(rotationIn);
}

/** Adds a rotation; durable when it resolves. */
export async function addPending(commonDir: string, rotation: PendingRotation): Promise<void> {
  const before = await pendingRotations(commonDir);
  await write(commonDir, [
    ...before.filter(({ archiveRef }) => archiveRef !== rotation.archiveRef),
    rotation,
  ]);
}

/** Forgets rotations by their archives. */
export async function dropPending(commonDir: string, archiveRefs: readonly string[]): Promise<void> {
  const before = await pendingRotations(commonDir);
  const rest = before.filter(({ archiveRef }) => !archiveRefs.includes(archiveRef));
  if (rest.length === 0) await rm(pathIn(commonDir), { force: true });
  else if (rest.length < before.length) await write(commonDir, rest);
}

const maxCharacters = 1024 * 1024;

function pathIn(commonDir: string): string {
  return join(commonDir, "entire-v2-rotations", "pending.json");
}

function rotationIn(value: unknown): readonly PendingRotation[] {
  const fields = fieldsOf(value);
  const text = (key: string): string => textOf(fields?.[key]) ?? "";
  const rotation = {
    archiveRef: text("archive_ref_name"),
    archiveCommit: text("archive_commit_hash"),
    previousCurrent: text("previous_full_current_hash"),
    resetRoot: text("reset_full_current_root_hash"),
    queuedAt: text("queued_at"),
  };
  return /^refs\/entire\/checkpoints\/v2\/full\/\d{13}$/.test(rotation.archiveRef) ? [rotation] : [];
}

async function write(commonDir: string, rotations: readonly PendingRotation[]): Promise<void> {
  const publications = rotations.map((rotation) => ({
    archive_ref_name: rotation.archiveRef,
    archive_commit_hash: rotation.archiveCommit,
    previous_full_current_hash: rotation.previousCurrent,
    reset_full_current_root_hash: rotation.resetRoot,
    queued_at: rotation.queuedAt,
  }));
  const path = pathIn(commonDir);
  await mkdir(join(commonDir, "entire-v2-rotations"), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${uniquePart()}`;
  await writeNewFile(
    temporary,
    [Buffer.from(`${JSON.stringify({ version: 1, publications }, null, 2)}\n`)],
    0o600,
  );
  await moveInto(temporary, path);
}
