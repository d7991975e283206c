import type { StoredSession } from "../checkpoint-store.ts";
import { branchRef } from "../format/checkpoint-refs.ts";
import type { Finding, FindingCode } from "../format/findings.ts";
import { ContentHasher } from "../format/hash.ts";
import { refOfCheckpoint, treePathOf } from "../format/ids.ts";
import { rootMetadata } from "../format/metadata.ts";
import { RawObject } from "../format/raw-json.ts";
import { slotOfPath } from "../format/slots.ts";
import { objectText } from "../format/write-json.ts";
import { advanceRef } from "../layouts/advance-ref.ts";
import { readCheckpoint } from "../layouts/read-checkpoint.ts";
import { FolderEdit } from "../layouts/slot-tree.ts";
import { ShardedTree } from "../layouts/v2/sharded-tree.ts";
import type { ObjectBatch, ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { PushQueue } from "../push/queue.ts";
import type { Repair } from "../repair.ts";
import type { CheckpointFinding } from "../verify/found.ts";

/** What is mended by writing the checkpoint again from what is in it. */
export const mendable: ReadonlySet<FindingCode> = new Set([
  "hash_missing",
  "hash_invalid",
  "path_foreign",
  "session_absent",
  "session_unlisted",
]);

/** Makes the missing hashes and the root's list of sessions of one checkpoint anew; none where they cannot be. */
export async function repairRecord(
  repository: Repository,
  { findings, dryRun }: { readonly findings: readonly CheckpointFinding[]; readonly dryRun: boolean },
): Promise<readonly Repair[]> {
  const [{ layout, id = "" }] = findings as readonly [CheckpointFinding];
  const isBranch = layout === "git-branch";
  const ref = isBranch ? branchRef : refOfCheckpoint(id);
  const repairs = await advanceRef<readonly Repair[]>(repository, {
    ref,
    reason: "holdfast: repair",
    next: async (tip, batch) => {
      const commit = tip === null ? null : await repository.objects.commit(tip);
      if (tip === null || commit === null) return { to: tip, result: [] };
      const sharded = isBranch ? await ShardedTree.at(repository.objects, tip) : undefined;
      const stored = sharded === undefined ? commit.tree : await sharded.folder(id);
      if (stored === undefined) return { to: tip, result: [] };
      const mended = await mendedTree({ repository, batch, id, tree: stored, isBranch });
      if (dryRun || mended.tree === stored) return { to: tip, result: mended.repairs };
      await sharded?.put(id, mended.tree);
      const who = await repository.identity();
      const tree = sharded?.write(batch) ?? mended.tree;
      const fields = { author: who, committer: who, message: `Repair checkpoint ${id}\n` };
      return { to: batch.commit({ tree, parents: [tip], ...fields }), result: mended.repairs };
    },
  });
  if (!dryRun && repairs.length > 0) await new PushQueue(repository.commonDir).add([ref]);
  return repairs;
}

interface Mending {
  readonly repository: Repository;
  readonly batch: ObjectBatch;
  readonly id: string;
  readonly tree: ObjectId;
  readonly isBranch: boolean;
}

async function mendedTree(
  params: Mending,
): Promise<{ readonly tree: ObjectId; readonly repairs: readonly Repair[] }> {
  const { repository, batch, id, tree, isBranch } = params;
  const { objects } = repository;
  const { shard, name } = treePathOf(id);
  const prefix = isBranch ? `/${shard}/${name}` : "";
  const stored = await readCheckpoint(objects, { id, version: tree, tree, prefix });
  const codes = new Set(stored.findings.map(({ code }) => code));
  const top = new FolderEdit((await objects.tree(tree)) ?? []);
  const repairs: Repair[] = [];
  const names = new Map<number, ReadonlySet<string>>();
  for (const session of stored.sessions) {
    const slot = String(session.slot);
    const folder = new FolderEdit((await objects.tree(top.folder(slot)!)) ?? []);
    const isFaulty = stored.findings.some(
      ({ code, where }) =>
        (code === "hash_missing" || code === "hash_invalid") && where === `${slot}/content_hash.txt`,
    );
    const hash = isFaulty && session.transcript.length > 0 ? await hashOf(repository, session) : undefined;
    if (hash !== undefined) {
      folder.put("content_hash.txt", batch.blob(Buffer.from(hash)));
      top.put(slot, batch.tree(folder.entries), "40000");
      repairs.push({
        id,
        where: `${slot}/content_hash.txt`,
        sentence: "The hash of the stored transcript is written.",
      });
    }
    names.set(session.slot, new Set(folder.entries.map((entry) => entry.name)));
  }
  const hasWrongPaths = ["path_foreign", "session_absent", "session_unlisted"].some((code) =>
    codes.has(code as FindingCode),
  );
  // A root that cannot be read must not be replaced by one that says less.
  if (!top.has("metadata.json") || !isUnreadable(codes, stored.findings)) {
    if (hasWrongPaths || repairs.length > 0)
      top.put(
        "metadata.json",
        batch.blob(Buffer.from(objectText(mendedRoot({ root: stored.root, id, names, prefix })))),
      );
    if (hasWrongPaths)
      repairs.push({
        id,
        where: "metadata.json",
        sentence: "The root names the sessions that are there, by their right paths.",
      });
  }
  return { tree: batch.tree(top.entries), repairs };
}

const unread: ReadonlySet<FindingCode> = new Set(["object_missing", "object_damaged", "entry_too_large"]);

function isUnreadable(codes: ReadonlySet<FindingCode>, findings: readonly Finding[]): boolean {
  return (
    codes.has("json_invalid") ||
    findings.some(({ where, code }) => where === "metadata.json" && unread.has(code))
  );
}

const maxChunkBytes = 128 * 1024 * 1024;

async function hashOf({ objects }: Repository, { transcript }: StoredSession): Promise<string | undefined> {
  const hasher = new ContentHasher();
  for (const id of transcript) {
    const chunk = await objects.blob(id, { maxBytes: maxChunkBytes }).catch(() => null);
    if (chunk === null) return undefined;
    hasher.chunk(chunk);
  }
  return hasher.hash();
}

/** Every other key of the root stays, and so does what its entries say beyond paths. */
function mendedRoot({
  root,
  id,
  names,
  prefix,
}: {
  root: RawObject;
  id: string;
  names: ReadonlyMap<number, ReadonlySet<string>>;
  prefix: string;
}): RawObject {
  const known = root
    .list("sessions")
    .filter(
      (entry) => entry instanceof RawObject && names.has(slotOfPath(entry.text("metadata") ?? "") ?? -1),
    );
  const written = [...names].map(([slot, files]) => {
    const path = (name: string): string | undefined =>
      files.has(name) ? `${prefix}/${slot}/${name}` : undefined;
    const paths = {
      metadata: `${prefix}/${slot}/metadata.json`,
      transcript: path("full.jsonl"),
      context: path("context.md"),
      compact_transcript: path("transcript.jsonl"),
      content_hash: path("content_hash.txt"),
      prompt: path("prompt.txt"),
      assets_manifest: files.has("assets") ? `${prefix}/${slot}/assets/manifest.json` : undefined,
    };
    return { slot, paths };
  });
  const fields = Object.fromEntries(root.without(["sessions"]).entries);
  return rootMetadata({
    stored: root.with("sessions", known),
    fields: { checkpoint_id: id, ...fields },
    sessions: [],
    written,
  });
}
