import { kindOfRef, v2CurrentRef, v2MainRef, v2Prefix } from "../format/checkpoint-refs.ts";
import { checkpointRefs, idOfRef, refOfCheckpoint, shapeOfId } from "../format/ids.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";

/**
 * Refs under the prefix of checkpoints that are none: of a wrong shard, of no id, naming what is not here, or damaged.
 * Those of many checkpoints are looked at where their trees are.
 */
export async function verifyRefNames(repository: Repository, found: Found): Promise<void> {
  const onDamaged = (name: string): void => tellDamaged(name, found);
  for (const { name, id: target } of await repository.refs.list(checkpointRefs, { onDamaged })) {
    const layout = name.startsWith(v2Prefix) ? "v2" : "git-refs";
    const at = { layout, where: name } as const;
    if (kindOfRef(name) === undefined) {
      const id = name.slice(name.lastIndexOf("/") + 1);
      if (layout === "git-refs" && shapeOfId(id) !== undefined)
        found.add("shard_wrong", { ...at, id }, `Nobody looks for it there, but at ${refOfCheckpoint(id)}.`);
      else found.add("ref_foreign", at, "The name is of no checkpoint.");
      continue;
    }
    const id = idOfRef(name);
    if (id === undefined) continue;
    const header = await repository.objects.header(target);
    if (header?.type === "commit") continue;
    const sentence =
      header === null
        ? `It names ${target}, which is not in the repository.`
        : `It names ${target}, which is a ${header.type} and no commit.`;
    found.add("ref_dangling", { ...at, id }, sentence);
  }
}

function tellDamaged(name: string, found: Found): void {
  if (name === v2MainRef || name === v2CurrentRef) return;
  const layout = name.startsWith(v2Prefix) ? "v2" : "git-refs";
  const id = idOfRef(name);
  const at = { layout, where: name, ...(id === undefined ? {} : { id }) } as const;
  found.add("ref_damaged", at, "It holds neither an id nor another's name.");
}
