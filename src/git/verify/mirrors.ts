import { BehindNotes } from "../behind.ts";
import type { Layout } from "../checkpoint-store.ts";
import { shapeOfId } from "../format/ids.ts";
import type { Found } from "./found.ts";

/** What mirrors do not have of the primary's checkpoints, noted or not. */
export async function verifyMirrors(params: {
  readonly commonDir: string;
  readonly primary: readonly string[];
  /** Those that can be read, with what they have. */
  readonly mirrors: readonly { readonly layout: Layout; readonly ids: readonly string[] }[];
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
  for (const { layout, ids } of mirrors) {
    const there = new Set(ids);
    for (const id of primary)
      if (!there.has(id) && (layout === "git-refs" || ulidMirrors || shapeOfId(id) === "hex"))
        behind(layout, id, `The mirror ${layout} does not have it.`);
  }
}
