import type { CheckpointInput, SessionInput, StoredText } from "../../src/git/checkpoint-store.ts";
import { joinChunks } from "../../src/git/format/chunks.ts";
import { contentHashOf } from "../../src/git/format/hash.ts";
import type { ObjectId } from "../../src/git/plumbing/objects.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";

/** A text whose pieces lie in the repository. */
export async function storeText(repository: Repository, ...pieces: readonly string[]): Promise<StoredText> {
  const batch = repository.batch();
  const contents = pieces.map((piece) => Buffer.from(piece));
  const chunks = contents.map((content) => ({ id: batch.blob(content), bytes: content.length }));
  await batch.flush();
  return { chunks, hash: contentHashOf(contents) };
}

export async function storeBlob(repository: Repository, content: string): Promise<ObjectId> {
  const { chunks } = await storeText(repository, content);
  return chunks[0]!.id;
}

/** The text of blobs, joined as pieces are. */
export async function textOfBlobs(repository: Repository, ids: readonly ObjectId[]): Promise<string> {
  const read = (id: ObjectId): Promise<Buffer | null> => repository.objects.blob(id, { maxBytes: 1e9 });
  const pieces = await Promise.all(ids.map(read));
  return joinChunks(pieces.map((piece) => piece ?? Buffer.from("missing"))).toString();
}

/** A session with a transcript of one line that names it. */
export async function sessionInput(
  repository: Repository,
  sessionId: string,
  changes: Partial<SessionInput> = {},
): Promise<SessionInput> {
  return {
    sessionId,
    metadata: {
      created_at: "2026-02-03T06:21:41.461334Z",
      checkpoints_count: 1,
      files_touched: [`${sessionId}.ts`],
      agent: "Claude Code",
    },
    prompts: [`Do ${sessionId}`],
    transcript: await storeText(repository, `{"session":"${sessionId}"}\n`),
    ...changes,
  };
}

export function checkpointInput(
  id: string,
  sessions: readonly SessionInput[],
  changes: Partial<CheckpointInput> = {},
): CheckpointInput {
  return { id, strategy: "manual-commit", cliVersion: "holdfast/test", branch: "main", sessions, ...changes };
}
