import type { StoredCheckpoint } from "../checkpoint-store.ts";
import { commitLists } from "../format/commit-lists.ts";
import { RawObject } from "../format/raw-json.ts";
import type { ObjectId } from "../plumbing/objects.ts";

/** What tells a commit again when its trailers are lost. */
export interface Anchor {
  readonly commit: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly tree: ObjectId;
  /** As `git patch-id --stable` says it; null of a merge, of no change, and of a change too large to be hashed. */
  readonly patchId: string | null;
  readonly subject: string;
  /** The first of the changed paths. */
  readonly files: readonly string[];
  readonly filesCount: number;
}

/** The anchors that a checkpoint keeps. */
export interface CheckpointAnchors {
  readonly id: string;
  readonly version: ObjectId;
  readonly anchors: readonly Anchor[];
}

/** The root's own key in which anchors are kept: readers of the format pass over what they do not know (section 19). */
const anchorsKey = "commit_anchors";

/** Anchors as a checkpoint's root keeps them. */
export function anchorFields(anchors: readonly Anchor[]): Readonly<Record<string, unknown>> {
  const kept = anchors.slice(-maxAnchors).map((anchor) => ({
    sha: anchor.commit,
    parents: anchor.parents,
    tree: anchor.tree,
    ...(anchor.patchId === null ? {} : { patch_id: anchor.patchId }),
    subject: anchor.subject.slice(0, maxSubject),
    files: anchor.files.slice(0, maxAnchorFiles),
    files_count: anchor.filesCount,
  }));
  return { [anchorsKey]: kept };
}

/** Reads the anchors of a checkpoint; what is no anchor is passed over. */
export function anchorsOf({
  id,
  version,
  root,
}: Pick<StoredCheckpoint, "id" | "version" | "root">): CheckpointAnchors {
  const listed = root.list(anchorsKey).slice(0, maxAnchors);
  return {
    id,
    version,
    anchors: listed.flatMap((item) => (item instanceof RawObject ? anchorOf(item) : [])),
  };
}

/** The commits that a checkpoint says are its own: those of `linked_commits` (section 3.1), and of its anchors. */
export function commitsToldBy(
  stored: Pick<StoredCheckpoint, "id" | "version" | "root">,
): readonly ObjectId[] {
  const linked = stored.root
    .list("linked_commits")
    .slice(-commitLists.linked_commits)
    .flatMap((item) => (item instanceof RawObject ? (item.text("sha") ?? []) : []));
  return [...new Set([...linked.filter(isId), ...anchorsOf(stored).anchors.map(({ commit }) => commit)])];
}

/** Paths of a commit that an anchor keeps. */
export const maxAnchorFiles = 200;

const maxAnchors = commitLists.commit_anchors;
const maxSubject = 300;

function anchorOf(item: RawObject): Anchor[] {
  const [commit, tree] = [item.text("sha"), item.text("tree")];
  if (!isId(commit) || !isId(tree)) return [];
  const patchId = item.text("patch_id");
  const files = item.texts("files").slice(0, maxAnchorFiles);
  return [
    {
      commit,
      parents: item.texts("parents").filter(isId).slice(0, 10),
      tree,
      patchId: isId(patchId) ? patchId : null,
      subject: (item.text("subject") ?? "").slice(0, maxSubject),
      files,
      filesCount: countOf(item.number("files_count"), files.length),
    },
  ];
}

function countOf(value: number | undefined, least: number): number {
  return value !== undefined && Number.isSafeInteger(value) && value > least ? value : least;
}

function isId(text: string | undefined): text is ObjectId {
  return text !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}
