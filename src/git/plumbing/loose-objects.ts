import { renameSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { deflated } from "./deflated.ts";
import { syncFolder, uniquePart, writeNewFile } from "./durable-file.ts";
import { objectHeader } from "./object-id.ts";
import type { PendingObject } from "./pending-object.ts";

/** Writes each object into a file of its own, durable; each gets its name in the given order, so that none stands before what it names. */
export async function writeLoose(objects: readonly PendingObject[], folder: string): Promise<void> {
  const places = objects.map((object) => {
    const path = join(folder, object.id.slice(0, 2), object.id.slice(2));
    // The name that `git fsck` and `git prune` know for what a dead writer left.
    return { object, path, temporary: join(dirname(path), `tmp_obj_${uniquePart()}`) };
  });
  const written = await Promise.allSettled(places.map(writeOne));
  try {
    for (const one of written) if (one.status === "rejected") throw one.reason;
    // At once: each takes less than a turn of the thread pool.
    for (const { temporary, path } of places) renameSync(temporary, path);
  } catch (error) {
    await Promise.all(places.map(({ temporary }) => unlink(temporary).catch(() => undefined)));
    throw error;
  }
  // One is enough for all names: a journal (ext4, XFS, ZFS) keeps what came before, and btrfs notes the new name of a
  // file that was synced under its old one in the log that any sync writes.
  await syncFolder(dirname(places.at(-1)!.path));
}

function writeOne(place: { object: PendingObject; temporary: string }): Promise<void> {
  const { type, content } = place.object;
  const whole = Buffer.concat([objectHeader(type, content.length), content]);
  // The file is made while a thread compresses.
  const bytes = deflated(whole).then((part) => [part]);
  bytes.catch(() => undefined);
  return writeNewFile(place.temporary, bytes, 0o444);
}
