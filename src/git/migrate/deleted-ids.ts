import { open } from "node:fs/promises";
import { join } from "node:path";
import { objectIn } from "../../core/json.ts";
import { codeOf } from "../plumbing/durable-file.ts";
import { shapeOfId } from "../format/ids.ts";

/** The checkpoints that were deleted on purpose, which no migration brings back (specification, section 4). */
export async function deletedIds(commonDir: string): Promise<ReadonlySet<string>> {
  const ids = objectIn(await boundedText(join(commonDir, "entire-deleted-checkpoints.json")))?.[
    "checkpoint_ids"
  ];
  const texts = (Array.isArray(ids) ? (ids as readonly unknown[]) : []).filter(
    (id) => typeof id === "string",
  );
  return new Set(texts.filter((id) => shapeOfId(id) !== undefined));
}

const maxBytes = 64 * 1024 * 1024;

async function boundedText(path: string): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      return (await file.stat()).size > maxBytes ? "" : await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "";
    throw error;
  }
}
