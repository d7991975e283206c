import { BehindNotes } from "../behind.ts";
import type { CheckpointStore, Layout } from "../checkpoint-store.ts";
import { shapeOfId } from "../format/ids.ts";
import type { Found } from "./found.ts";

/** What mirrors do not have of the primary's checkpoints, noted or not. */
export async function verifyMirrors(params: {
  readonly commonDir: string;
  readonly primary: readonly string[];
  readonly mirrors: readonly CheckpointStore[];
  readonly ulidMirrors: boolean;
  readonly found: Found;
}): Promise<void> {
  const { commonDir, primary, mirrors, ulidMirrors, found } = params;
  const told = new Set<string>();
  const behind = (layout: Layout, id: string, sentence: string): void => {
    if (told.has(`${layout} ${id}`)) return;
    told.add(`${layout} ${id}`);
    found.add("mirror_behind", { layout, id, where: id }, sentence);
  };
  for (const { layout, id, reason } of await new BehindNotes(commonDir).list())
    behind(layout, id, `The mirror ${layout} has missed a write: ${reason ?? "its process died"}.`);
  for (const mirror of mirrors) {
    const there = new Set((await mirror.list()).map(({ id }) => id));
    for (const id of primary)
      if (!there.has(id) && (mirror.layout === "git-refs" || ulidMirrors || shapeOfId(id) === "hex"))
        behind(mirror.layout, id, `The mirror ${mirror.layout} does not have it.`);
  }
}
