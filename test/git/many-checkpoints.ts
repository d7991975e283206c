import { refOfCheckpoint } from "../../src/git/format/ids.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { handTree } from "./hand-written.ts";

/** Writes up to 10,000 checkpoints of one session each, a minute apart, under refs of their own at once; gives the refs. */
export async function handCheckpoints(repository: Repository, count: number): Promise<readonly string[]> {
  const who = await repository.identity();
  const batch = repository.batch();
  const refs: string[] = [];
  const lines: string[] = [];
  for (let at = 0; at < count; at += 1) {
    // As far apart as random ones are, so that the folders of a tree of many are as full as theirs.
    const id = (at * 28_147_497_671).toString(16).padStart(12, "0");
    const tree = handTree(batch, { id, ...contentOf(at) });
    const message = `Checkpoint: ${id}\n`;
    const commit = batch.commit({ tree, parents: [], author: who, committer: who, message });
    refs.push(refOfCheckpoint(id));
    lines.push(`create ${refOfCheckpoint(id)} ${commit}\n`);
  }
  await batch.flush();
  await repository.git(["update-ref", "--stdin"], { input: lines.join(""), timeoutMs: 600_000 });
  return refs;
}

function contentOf(at: number): Omit<Parameters<typeof handTree>[1], "id"> {
  const usage = { input_tokens: at, output_tokens: 300, cache_read_tokens: 5000, api_call_count: 7 };
  const metadata = {
    created_at: new Date(1_770_000_000_000 + at * 60_000).toISOString(),
    agent: "Claude Code",
    model: "claude-opus-4-5",
    token_usage: usage,
  };
  return {
    sessions: [{ sessionId: `session-${at}`, metadata }],
    root: { branch: "feat/list", token_usage: usage },
  };
}
