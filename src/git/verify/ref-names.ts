import { kindOfRef, v2CurrentRef, v2MainRef, v2Prefix } from "../format/checkpoint-refs.ts";
import { checkpointRefs, idOfRef, refOfCheckpoint, shapeOfId } from "../format/ids.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";

/**
 * Refs under the prefix of checkpoints that are none, of a wrong shard or of no id, and those that are damaged. What the
 * others name is looked at where it is read.
 */
export async function verifyRefNames(repository: Repository, found: Found): Promise<void> {
  const onDamaged = (name: string): void => tellDamaged(name, found);
  for (const { name } of await repository.refs.list(checkpointRefs, { onDamaged })) {
    if (kindOfRef(name) !== undefined) continue;
    const layout = name.startsWith(v2Prefix) ? "v2" : "git-refs";
    const id = name.slice(name.lastIndexOf("/") + 1);
    const at = { layout, where: name } as const;
    if (layout === "git-refs" && shapeOfId(id) !== undefined)
      found.add("shard_wrong", { ...at, id }, `Nobody looks for it there, but at ${refOfCheckpoint(id)}.`);
    else found.add("ref_foreign", at, "The name is of no checkpoint.");
  }
}

function tellDamaged(name: string, found: Found): void {
  if (name === v2MainRef || name === v2CurrentRef) return;
  const layout = name.startsWith(v2Prefix) ? "v2" : "git-refs";
  const id = idOfRef(name);
  const at = { layout, where: name, ...(id === undefined ? {} : { id }) } as const;
  found.add("ref_damaged", at, "It holds neither an id nor another's name.");
}
