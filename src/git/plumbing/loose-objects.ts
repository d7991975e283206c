import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";
import { moveInto, syncFolder, uniquePart, writeNewFile } from "./durable-file.ts";
import { objectHeader } from "./object-id.ts";
import type { PendingObject } from "./pending-object.ts";

/** Writes each object into a file of its own, durable and in the given order: an object never stands before what it names. */
export async function writeLoose(objects: readonly PendingObject[], folder: string): Promise<void> {
  const written = await Promise.all(
    objects.map(async (object) => {
      const path = join(folder, object.id.slice(0, 2), object.id.slice(2));
      // The name that `git fsck` and `git prune` know for what a dead writer left.
      const temporary = join(dirname(path), `tmp_obj_${uniquePart()}`);
      const header = objectHeader(object.type, object.content.length);
      const bytes = await deflateAsync(Buffer.concat([header, object.content]), { level: 1 });
      await writeNewFile(temporary, [bytes], 0o444);
      return { temporary, path };
    }),
  );
  for (const { temporary, path } of written) await moveInto(temporary, path);
  const folders = new Set(written.map(({ path }) => dirname(path)));
  await Promise.all([folder, ...folders].map(syncFolder));
}

const deflateAsync = promisify(deflate) as (
  bytes: Uint8Array,
  options: { readonly level: number },
) => Promise<Buffer>;
