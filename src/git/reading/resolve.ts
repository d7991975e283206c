import { HoldfastError } from "../../core/errors.ts";
import { shapeOfId } from "../format/ids.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { commitNamed, type CommitRecord } from "./commits.ts";
import { fetchHint } from "./checkpoint-source.ts";
import type { FactsIndex } from "./facts-index.ts";
import { findLinks } from "./link.ts";
import { knownLinks } from "./known-links.ts";
import type { Confidence } from "./link-file.ts";

/** What a person names when he asks for an explanation. */
export type Named =
  | { readonly kind: "checkpoint"; readonly id: string }
  | { readonly kind: "commit"; readonly commit: ObjectId };

/**
 * What a name means: a checkpoint's id, a commit or anything that names one, or the first characters of a checkpoint's
 * id. @throws checkpoint_unknown, checkpoint_ambiguous
 */
export async function resolveName({
  repository,
  index,
  name,
}: {
  readonly repository: Repository;
  readonly index: FactsIndex;
  readonly name: string;
}): Promise<Named> {
  const ids = (await index.listed()).map(({ id }) => id);
  const exact = ids.find((id) => id === name || id === name.toUpperCase());
  if (exact !== undefined) return { kind: "checkpoint", id: exact };
  const fits = /^[0-9A-Za-z]{4,25}$/.test(name)
    ? ids.filter((id) => id.startsWith(id.length === 26 ? name.toUpperCase() : name.toLowerCase()))
    : [];
  const commit = await commitNamed(repository, name);
  // A branch or tag is meant as such; what only looks like the start of an id may be either.
  if (commit !== null && (fits.length === 0 || !commit.startsWith(name.toLowerCase())))
    return { kind: "commit", commit };
  if (commit !== null || fits.length > 1) throw ambiguous(name, commit === null ? fits : [commit, ...fits]);
  if (fits[0] !== undefined) return { kind: "checkpoint", id: fits[0] };
  throw unknownName(name);
}

/** A checkpoint of a commit, and how sure the link is. */
export interface CommitLink {
  readonly id: string;
  readonly confidence: Confidence;
  /** Why it is linked where no trailer says so. */
  readonly reason: string | null;
}

/** The checkpoints of a commit: by its trailers and by links that are known, else by what is found now. */
export async function checkpointsOf(
  { repository, index }: { readonly repository: Repository; readonly index: FactsIndex },
  commit: CommitRecord,
): Promise<readonly CommitLink[]> {
  const own = commit.trailers.checkpoints;
  const known = ((await knownLinks({ repository, index })).get(commit.id) ?? []).filter(
    ({ checkpoint }) => !own.includes(checkpoint),
  );
  const links =
    own.length + known.length > 0
      ? known
      : (await findLinks({ repository, index, revisions: [commit.id], maxCommits: 1, alone: true })).links;
  return [
    ...own.map((id): CommitLink => ({ id, confidence: "trailer", reason: null })),
    ...links.map(({ checkpoint: id, confidence, reason }) => ({ id, confidence, reason })),
  ];
}

function ambiguous(name: string, fits: readonly string[]): HoldfastError {
  const shown = fits.slice(0, 10).join(", ") + (fits.length > 10 ? ` and ${fits.length - 10} more` : "");
  return new HoldfastError({
    code: "checkpoint_ambiguous",
    message: `${JSON.stringify(name)} is the start of ${fits.length} names: ${shown}.`,
    next: "Give more of it.",
    data: { name, fits: fits.slice(0, 100) },
  });
}

function unknownName(name: string): HoldfastError {
  const shown = JSON.stringify(name.slice(0, 200));
  const isId = shapeOfId(name) !== undefined;
  return new HoldfastError({
    code: "checkpoint_unknown",
    message: `There is neither a checkpoint nor a commit ${shown} in this repository.`,
    next: isId ? fetchHint(name) : "See which there are with: holdfast git log, or holdfast git list",
    data: { name: name.slice(0, 200) },
  });
}
