import type { Repository } from "../plumbing/repository.ts";
import type { CheckpointFacts } from "./checkpoint-facts.ts";
import { type CommitRecord, readCommits } from "./commits.ts";
import type { FactsIndex } from "./facts-index.ts";
import { knownLinks } from "./known-links.ts";
import type { Confidence } from "./link-file.ts";

/** A commit with what is known of the sessions that made it. */
export interface LoggedCommit {
  readonly commit: CommitRecord;
  readonly checkpoints: readonly LinkedCheckpoint[];
}

export interface LinkedCheckpoint {
  readonly id: string;
  readonly confidence: Confidence;
  /** Null: it is not in this repository. */
  readonly facts: CheckpointFacts | null;
}

export interface LogParams {
  readonly repository: Repository;
  readonly index: FactsIndex;
  /** Default HEAD. */
  readonly revisions?: readonly string[];
  readonly maxCommits: number;
}

/** Reads commits, newest first, with their checkpoints. @throws git_revision_unknown */
export async function readLog(params: LogParams): Promise<readonly LoggedCommit[]> {
  const { repository, index, revisions = [], maxCommits } = params;
  const commits = await readCommits(repository, { revisions, maxCommits });
  const links = await knownLinks(params);
  const linked = commits.map((commit) => {
    const own = commit.trailers.checkpoints.map((id) => ({ id, confidence: "trailer" as Confidence }));
    const found = (links.get(commit.id) ?? []).filter(
      ({ checkpoint }) => !own.some(({ id }) => id === checkpoint),
    );
    return { commit, ids: [...own, ...found.map(({ checkpoint: id, confidence }) => ({ id, confidence }))] };
  });
  const facts = await index.of(linked.flatMap(({ ids }) => ids.map(({ id }) => id)));
  return linked.map(({ commit, ids }) => ({
    commit,
    checkpoints: ids.map(({ id, confidence }) => ({ id, confidence, facts: facts.get(id) ?? null })),
  }));
}
