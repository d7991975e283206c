import { createHash } from "node:crypto";
import { refOfCheckpoint } from "../../src/git/format/ids.ts";
import type { ObjectBatch, ObjectId } from "../../src/git/plumbing/objects.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";

/** A session of a checkpoint that a test writes by the specification's words, not by our writers. */
interface HandSession {
  readonly slot?: number;
  readonly sessionId: string;
  readonly transcript?: string;
  readonly prompt?: string;
  /** Further keys of the session's metadata. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** The tree of a checkpoint (specification, section 2); `prefix` as the layout's paths have it. */
export function handTree(
  batch: ObjectBatch,
  { id, sessions, prefix = "", root = {} }: HandCheckpoint & { readonly prefix?: string },
): ObjectId {
  const slots = sessions.map((session, index) => ({ slot: session.slot ?? index, ...session }));
  const text = (value: unknown): ObjectId => batch.blob(Buffer.from(`${JSON.stringify(value, null, 2)}\n`));
  const file = (name: string, blob: ObjectId) => ({ mode: "100644" as const, name, id: blob });
  const trees = slots.map(
    ({ slot, sessionId, transcript = `{"of":"${sessionId}"}\n`, prompt = "Do it.", metadata }) => {
      const fields = {
        checkpoint_id: id,
        session_id: sessionId,
        strategy: "manual-commit",
        checkpoints_count: 1,
      };
      const hash = `sha256:${createHash("sha256").update(transcript).digest("hex")}`;
      const files = [
        file("metadata.json", text({ ...fields, files_touched: [`${sessionId}.ts`], ...metadata })),
        file("full.jsonl", batch.blob(Buffer.from(transcript))),
        file("content_hash.txt", batch.blob(Buffer.from(hash))),
        file("prompt.txt", batch.blob(Buffer.from(prompt))),
      ];
      return { mode: "40000" as const, name: String(slot), id: batch.tree(files) };
    },
  );
  const paths = slots.map(({ slot }) => ({
    metadata: `${prefix}/${slot}/metadata.json`,
    transcript: `${prefix}/${slot}/full.jsonl`,
    content_hash: `${prefix}/${slot}/content_hash.txt`,
    prompt: `${prefix}/${slot}/prompt.txt`,
  }));
  const touched = slots.map(({ sessionId }) => `${sessionId}.ts`);
  const summary = { checkpoint_id: id, strategy: "manual-commit", checkpoints_count: slots.length };
  return batch.tree([
    ...trees,
    file("metadata.json", text({ ...summary, files_touched: touched, sessions: paths, ...root })),
  ]);
}

export interface HandCheckpoint {
  readonly id: string;
  readonly sessions: readonly HandSession[];
  readonly root?: Readonly<Record<string, unknown>>;
}

/** Writes a checkpoint under its ref (section 4), on top of what the ref has. */
export async function handCheckpoint(repository: Repository, checkpoint: HandCheckpoint): Promise<string> {
  const name = refOfCheckpoint(checkpoint.id);
  const from = await repository.refs.read(name);
  const batch = repository.batch();
  const who = await repository.identity();
  const to = batch.commit({
    tree: handTree(batch, checkpoint),
    parents: from === null ? [] : [from],
    author: who,
    committer: who,
    message: `Checkpoint: ${checkpoint.id}\n`,
  });
  await batch.flush();
  await repository.refs.update({ name, from, to });
  return name;
}

/** Writes checkpoints to the branch of the layout v1 (section 5), on top of what it has. */
export async function handBranch(
  repository: Repository,
  checkpoints: readonly HandCheckpoint[],
): Promise<void> {
  const name = "refs/heads/entire/checkpoints/v1";
  for (;;) {
    const from = await repository.refs.read(name);
    const tip = from === null ? null : await repository.objects.commit(from);
    const batch = repository.batch();
    const shards = new Map(
      (tip === null ? [] : ((await repository.objects.tree(tip.tree)) ?? [])).map((entry) => [
        entry.name,
        entry.id,
      ]),
    );
    for (const checkpoint of checkpoints) {
      const [shard, rest] = [checkpoint.id.slice(0, 2), checkpoint.id.slice(2)];
      const there = shards.has(shard) ? ((await repository.objects.tree(shards.get(shard)!)) ?? []) : [];
      const id = handTree(batch, { ...checkpoint, prefix: `/${shard}/${rest}` });
      shards.set(
        shard,
        batch.tree([...there.filter((entry) => entry.name !== rest), { mode: "40000", name: rest, id }]),
      );
      await batch.flush();
    }
    const who = await repository.identity();
    const tree = batch.tree([...shards].map(([shard, id]) => ({ mode: "40000", name: shard, id })));
    const to = batch.commit({
      tree,
      parents: from === null ? [] : [from],
      author: who,
      committer: who,
      message: "Checkpoint\n",
    });
    await batch.flush();
    if ((await repository.refs.update({ name, from, to })) === "updated") return;
  }
}

/** The text of a file in a commit; null where it is not there. */
export async function fileIn(repository: Repository, commit: ObjectId, path: string): Promise<string | null> {
  let id: ObjectId | undefined = (await repository.objects.commit(commit))?.tree;
  const parts = path.split("/");
  for (const [index, part] of parts.entries()) {
    const entry: { readonly id: ObjectId } | undefined =
      id === undefined ? undefined : (await repository.objects.tree(id))?.find(({ name }) => name === part);
    id = entry?.id;
    if (id !== undefined && index === parts.length - 1)
      return (await repository.objects.blob(id, { maxBytes: 1024 * 1024 }))?.toString() ?? null;
  }
  return null;
}
