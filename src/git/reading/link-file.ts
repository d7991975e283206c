import { join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import { fieldsOf, objectIn, textOf } from "../../core/json.ts";
import { kernelLock } from "../flow/kernel-lock.ts";
import { readOwnFile, replaceOwnFile } from "../flow/own-files.ts";
import { shapeOfId } from "../format/ids.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** How sure it is that a commit belongs to a checkpoint: its own trailer says so, or it was found again. */
export type Confidence = "trailer" | "certain" | "high" | "medium";

/** That a commit belongs to a checkpoint although no trailer says so. */
export interface FoundLink {
  readonly commit: ObjectId;
  readonly checkpoint: string;
  readonly confidence: Exclude<Confidence, "trailer">;
  /** The commit whose trailer was lost. */
  readonly from: ObjectId;
  readonly reason: string;
}

/** Links that were found and kept, by commit. */
export function keptLinks(
  repository: Pick<Repository, "commonDir">,
): ReadonlyMap<ObjectId, readonly FoundLink[]> {
  const bytes = readOwnFile(linkPath(repository), { maxBytes: maxLinkBytes });
  const file = Buffer.isBuffer(bytes) ? objectIn(bytes.toString()) : undefined;
  const links = file?.["version"] === formatVersion && Array.isArray(file["links"]) ? file["links"] : [];
  return byCommit(links.flatMap(linkOf));
}

/** Keeps links beside those that were kept before; gives how many are new. @throws git_busy */
export function keepLinks(repository: Pick<Repository, "commonDir">, found: readonly FoundLink[]): number {
  using _ = locked(repository);
  const all = new Map([...keptLinks(repository).values()].flat().map((link) => [keyOf(link), link]));
  const before = all.size;
  for (const link of found) all.set(keyOf(link), link);
  replaceOwnFile(
    linkPath(repository),
    `${JSON.stringify({ version: formatVersion, links: [...all.values()] }, undefined, 1)}\n`,
    { durable: true },
  );
  return all.size - before;
}

/** Links by the commit that they belong to. */
export function byCommit(links: readonly FoundLink[]): ReadonlyMap<ObjectId, readonly FoundLink[]> {
  const map = new Map<ObjectId, FoundLink[]>();
  for (const link of links) map.set(link.commit, [...(map.get(link.commit) ?? []), link]);
  return map;
}

/** Two processes that read, add and write would each lose what the other one added. */
function locked({ commonDir }: Pick<Repository, "commonDir">): Disposable {
  const lock = kernelLock(join(commonDir, "holdfast", "links.lock"), { waitMs: 10_000 });
  if (lock !== null) return lock;
  throw new HoldfastError({
    code: "git_busy",
    message: `Another process keeps links in ${commonDir} for more than 10 s.`,
    next: "Try again.",
    retryable: true,
  });
}

const formatVersion = 1;
const maxLinkBytes = 64 * 1024 * 1024;

function linkPath({ commonDir }: Pick<Repository, "commonDir">): string {
  return join(commonDir, "holdfast", "links.json");
}

function keyOf({ commit, checkpoint }: FoundLink): string {
  return `${commit} ${checkpoint}`;
}

function linkOf(value: unknown): FoundLink[] {
  const fields = fieldsOf(value) ?? {};
  const [commit, checkpoint] = [textOf(fields["commit"]) ?? "", textOf(fields["checkpoint"]) ?? ""];
  const confidence = fields["confidence"];
  if (confidence !== "certain" && confidence !== "high" && confidence !== "medium") return [];
  if (!/^[0-9a-f]{40,64}$/.test(commit) || shapeOfId(checkpoint) === undefined) return [];
  const [from, reason] = [textOf(fields["from"]) ?? "", textOf(fields["reason"]) ?? ""];
  return [{ commit, checkpoint, confidence, from, reason }];
}
