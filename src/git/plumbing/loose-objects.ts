import { rename, unlink } from "node:fs/promises";
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
    for (const { temporary, path } of places) await rename(temporary, path);
  } catch (error) {
    await Promise.all(places.map(({ temporary }) => unlink(temporary).catch(() => undefined)));
    throw error;
  }
  const folders = new Set(places.map(({ path }) => dirname(path)));
  // `folder` for the names of the folders that were made.
  await Promise.all([folder, ...folders].map(syncFolder));
}

async function writeOne({ object, temporary }: { object: PendingObject; temporary: string }): Promise<void> {
  const header = objectHeader(object.type, object.content.length);
  await writeNewFile(temporary, [await deflated(Buffer.concat([header, object.content]))], 0o444);
}
