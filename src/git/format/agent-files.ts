import type { ObjectId } from "../plumbing/objects.ts";
import { chunkIndex, chunksOf } from "./chunks.ts";

/** The transcript of a subagent of a task. */
export interface AgentFile {
  readonly agentId: string;
  readonly chunks: readonly ObjectId[];
  /** Numbers of pieces that are not there. */
  readonly missing: readonly number[];
}

/** The transcripts among the files of a task: `agent-<id>.jsonl`, and further chunks of it (section 2). */
export function agentFiles(
  files: readonly { readonly name: string; readonly id: ObjectId }[],
): readonly AgentFile[] {
  const agents = files.flatMap(({ name }) => /^agent-(.+)\.jsonl$/.exec(name)?.[1] ?? []);
  return agents.map((agentId) => {
    const file = `agent-${agentId}.jsonl`;
    const own = files.filter(({ name }) => chunkIndex(file, name) !== undefined);
    const { chunks, missing } = chunksOf(file, own);
    return { agentId, missing, chunks: chunks.map(({ id }) => id) };
  });
}
