import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Anchor } from "./anchors.ts";
import { anchorCommits } from "./commit-anchors.ts";
import { type CommitRecord, readCommits } from "./commits.ts";
import type { FactsIndex } from "./facts-index.ts";
import type { FoundLink } from "./link-file.ts";
import { LinkSearch, type LostAnchor } from "./link-search.ts";

export interface FindLinksParams {
  readonly repository: Repository;
  readonly index: FactsIndex;
  /** Where commits that have lost their trailers are looked for; default HEAD. */
  readonly revisions?: readonly string[];
  readonly maxCommits: number;
  /** Only the commits that are named, not those before them. */
  readonly alone?: boolean;
}

export interface FoundLinks {
  readonly links: readonly FoundLink[];
  /** Commits without a trailer that were looked at. */
  readonly commits: number;
  /** Commits with a checkpoint that the revisions do not hold any more. */
  readonly lost: number;
}

/**
 * Finds commits whose trailers were lost, as by a squash on a forge: by their tree, their patch, the patches of a
 * squashed branch together, or by message and files.
 */
export async function findLinks(params: FindLinksParams): Promise<FoundLinks> {
  const { repository, revisions = [], maxCommits } = params;
  const options = ["--no-merges", ...(params.alone === true ? ["--no-walk"] : [])];
  const commits = await readCommits(repository, { revisions, options, maxCommits });
  const bare = commits.filter(({ trailers }) => trailers.checkpoints.length === 0);
  if (bare.length === 0) return { links: [], commits: 0, lost: 0 };
  const lost = await lostAnchors(params, revisions);
  if (lost.length === 0) return { links: [], commits: bare.length, lost: 0 };
  const anchors = await anchorCommits(repository, bare);
  const candidates = bare.flatMap((commit) => {
    const anchor = anchors.get(commit.id);
    // What changes nothing has the tree of its parent, which says nothing.
    return anchor === undefined || anchor.filesCount === 0 ? [] : [{ commit, anchor }];
  });
  const search = new LinkSearch({ repository, candidates, lost });
  return { links: await search.run(), commits: bare.length, lost: new Set(lost.map(commitOf)).size };
}

/** Commits with trailers anywhere in this repository: those of its branches and tags, and what reflogs still name. */
async function commitsWithTrailers(repository: Repository): Promise<readonly CommitRecord[]> {
  const ours = ["refs/entire/*", "refs/heads/entire/*", "refs/remotes/*/entire/*", "refs/holdfast/*"];
  const exclude = ours.map((pattern) => `--exclude=${pattern}`);
  const options = [
    ...["--no-merges", "--extended-regexp", "--grep=^Entire-Checkpoint:"],
    ...[...exclude, "--all", "--reflog"],
  ];
  const commits = await readCommits(repository, { options, maxCommits: maxAnchored });
  return commits.filter(({ trailers }) => trailers.checkpoints.length > 0);
}

const maxAnchored = 10_000;
const maxHistoryBytes = 256 * 1024 * 1024;

async function lostAnchors(
  { repository, index }: FindLinksParams,
  revisions: readonly string[],
): Promise<readonly LostAnchor[]> {
  const known = new Map<string, LostAnchor>();
  const add = (checkpoint: string, anchor: Anchor): void =>
    void known.set(`${checkpoint} ${anchor.commit}`, { checkpoint, anchor });
  for (const { id, anchors } of await index.anchors()) for (const anchor of anchors) add(id, anchor);
  const told = await index.told();
  const here = await commitsWithTrailers(repository);
  const computed = await anchorCommits(repository, here);
  for (const { id, trailers } of here) {
    const anchor = computed.get(id);
    if (anchor !== undefined) for (const checkpoint of trailers.checkpoints) add(checkpoint, anchor);
  }
  const changing = [...known.values()].filter(({ anchor }) => anchor.filesCount > 0);
  if (changing.length === 0) return [];
  const held = await historyOf(repository, revisions);
  // One whose checkpoint the history still names, or which names a commit of it, is not lost: the other is what it was before an amend or a rebase.
  const named = new Set([
    ...here.filter(({ id }) => held.has(id)).flatMap(({ trailers }) => trailers.checkpoints),
    ...told.filter(({ commits }) => commits.some((commit) => held.has(commit))).map(({ id }) => id),
  ]);
  return changing.filter(({ checkpoint, anchor }) => !held.has(anchor.commit) && !named.has(checkpoint));
}

function commitOf({ anchor }: LostAnchor): ObjectId {
  return anchor.commit;
}

async function historyOf(
  repository: Repository,
  revisions: readonly string[],
): Promise<ReadonlySet<ObjectId>> {
  const args = ["rev-list", "--end-of-options", ...(revisions.length === 0 ? ["HEAD"] : revisions), "--"];
  const { stdout } = await repository.git(args, { maxBytes: maxHistoryBytes, timeoutMs: 120_000 });
  return new Set(stdout.toString().split("\n"));
}
