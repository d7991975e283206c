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
export function agentFiles(files: TaskFiles): readonly AgentFile[] {
  const agents = files.flatMap(({ name }) => /^agent-(.+)\.jsonl$/.exec(name)?.[1] ?? []);
  return agents.map((agentId) => {
    const file = `agent-${agentId}.jsonl`;
    const own = files.filter(({ name }) => chunkIndex(file, name) !== undefined);
    const { chunks, missing } = chunksOf(file, own);
    return { agentId, missing, chunks: chunks.map(({ id }) => id) };
  });
}

/** The pieces of a task's transcript; of several agents those of the first. */
export function firstAgentChunks(files: TaskFiles): readonly ObjectId[] {
  return agentFiles(files)[0]?.chunks ?? [];
}

type TaskFiles = readonly { readonly name: string; readonly id: ObjectId }[];
