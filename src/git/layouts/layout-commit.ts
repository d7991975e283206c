import { HoldfastError } from "../../core/errors.ts";
import type { CheckpointInput } from "../checkpoint-store.ts";
import { checkpointMessage } from "../format/commit-message.ts";
import { textOf } from "../../core/json.ts";
import type { Commit, ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** Author, committer and message of the commit that writes a checkpoint (specification, section 4). */
export async function commitFields(
  repository: Repository,
  checkpoint: CheckpointInput,
): Promise<Pick<Commit, "author" | "committer" | "message">> {
  const who = checkpoint.author ?? (await repository.identity());
  return { author: who, committer: who, message: checkpoint.subject ?? messageOf(checkpoint) };
}

export function unknownCheckpoint(id: string): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_unknown",
    message: `There is no checkpoint ${id} here.`,
    next: "Fetch it from where it was pushed to, or look for it with `holdfast git log`.",
    data: { id },
  });
}

/** A ref that names no commit which is in the repository. */
export function damagedRef({
  id,
  ref,
  version,
}: {
  id: string;
  ref: string;
  version: ObjectId;
}): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_damaged",
    message: `The checkpoint ${id} cannot be read: ${ref} names ${version}, which is not in the repository.`,
    next: "Fetch it from where it was pushed to, or run `holdfast git repair`.",
    data: { id, ref, version },
  });
}

function messageOf({ id, sessions, strategy }: CheckpointInput): string {
  const named = sessions.map(({ sessionId, metadata, record }) => ({
    sessionId,
    agent: textOf(metadata["agent"]) ?? record?.text("agent"),
  }));
  return checkpointMessage({ id, strategy, sessions: named });
}
