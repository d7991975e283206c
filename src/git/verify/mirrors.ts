import { createHash } from "node:crypto";
import { BehindNotes } from "../behind.ts";
import type { Layout, StoredCheckpoint } from "../checkpoint-store.ts";
import { currentSlots } from "../current-slots.ts";
import { shapeOfId } from "../format/ids.ts";
import type { Found } from "./found.ts";

/** What layouts hold of checkpoints, in so few bytes that all of a repository's fit into memory. */
export class Copies {
  readonly #copies = new Map<string, Copy>();

  keep(layout: Layout, { id, sessions }: StoredCheckpoint): void {
    const current = currentSlots(sessions);
    const owned = sessions.flatMap(({ slot, sessionId, transcript }) =>
      sessionId !== undefined && current.has(slot) ? [[sessionId, digestOf(transcript)] as const] : [],
    );
    this.#copies.set(keyOf(layout, id), new Map(owned));
  }

  /** Undefined where it is not there, or cannot be read. */
  of(layout: Layout, id: string): Copy | undefined {
    return this.#copies.get(keyOf(layout, id));
  }
}

/** What mirrors do not have as the primary has it, noted or not. */
export async function verifyMirrors(params: {
  readonly commonDir: string;
  readonly primary: ListedLayout;
  /** What the primary has taken the place of: a mirror need not have it, but not an old copy either. */
  readonly older: ListedLayout | undefined;
  /** Those that can be read. */
  readonly mirrors: readonly ListedLayout[];
  readonly ulidMirrors: boolean;
  readonly copies: Copies;
  readonly found: Found;
}): Promise<void> {
  const { commonDir, primary, older, mirrors, ulidMirrors, copies, found } = params;
  const told = new Set<string>();
  const behind = (layout: Layout, id: string, sentence: string): void => {
    if (told.has(keyOf(layout, id))) return;
    told.add(keyOf(layout, id));
    found.add("mirror_behind", { layout, id, where: id }, sentence);
  };
  for (const { layout, id, reason } of await new BehindNotes(commonDir).list())
    behind(layout, id, `The mirror ${layout} has missed a write: ${reason ?? "its process died"}.`);
  const own = new Set(primary.ids);
  for (const { layout, ids } of mirrors) {
    const there = new Set(ids);
    const tell = (from: Layout, id: string): void => {
      const fault = there.has(id) ? faultOf(copies, { from, mirror: layout, id }) : "does not have it";
      if (fault !== undefined) behind(layout, id, `The mirror ${layout} ${fault}.`);
    };
    for (const id of own)
      if (layout === "git-refs" || ulidMirrors || shapeOfId(id) === "hex") tell(primary.layout, id);
    for (const id of older?.ids ?? []) if (!own.has(id) && there.has(id)) tell(older!.layout, id);
  }
}

export interface ListedLayout {
  readonly layout: Layout;
  readonly ids: readonly string[];
}

/** By session: a digest of the transcript's pieces; empty where there is none. */
type Copy = ReadonlyMap<string, string>;

function faultOf(
  copies: Copies,
  { from, mirror, id }: { from: Layout; mirror: Layout; id: string },
): string | undefined {
  const there = copies.of(mirror, id);
  if (there === undefined) return undefined;
  for (const [sessionId, digest] of copies.of(from, id) ?? []) {
    const other = there.get(sessionId);
    if (other === undefined) return `lacks session ${shown(sessionId)}`;
    // From v2 raw transcripts are let go on purpose.
    if (digest !== "" && digest !== other && !(mirror === "v2" && other === ""))
      return `holds another transcript of session ${shown(sessionId)}`;
  }
  return undefined;
}

// The pieces are shared by all layouts: other ids are another text.
function digestOf(transcript: readonly string[]): string {
  if (transcript.length === 0) return "";
  return createHash("sha256").update(transcript.join("\n")).digest("base64url");
}

function shown(sessionId: string): string {
  return JSON.stringify(sessionId.slice(0, 64));
}

function keyOf(layout: Layout, id: string): string {
  return `${layout} ${id}`;
}
