import { idOfRef } from "./ids.ts";

/** What a ref of checkpoints is, told by its name alone. */
export type CheckpointRefKind = "checkpoint" | "branch" | "v2-main" | "v2-current" | "v2-archive";

/** The kind of a ref that may be pushed and fetched; undefined for every other name, so that none is touched. */
export function kindOfRef(name: string): CheckpointRefKind | undefined {
  if (name === branchRef) return "branch";
  if (name === v2MainRef) return "v2-main";
  if (name === v2CurrentRef) return "v2-current";
  if (v2Archive.test(name)) return "v2-archive";
  return idOfRef(name) === undefined ? undefined : "checkpoint";
}

/** The branch of the layout git-branch (specification §5). */
export const branchRef = "refs/heads/entire/checkpoints/v1";
/** The branch as a remote had it when git itself fetched last. */
export function trackedBranch(remote: string): string {
  return `${trackedRefs}${remote}${trackedEnd}`;
}
/** Whether a ref is the branch as some remote had it. */
export function isTrackedBranch(name: string): boolean {
  return name.startsWith(trackedRefs) && name.endsWith(trackedEnd);
}
/** What the names of all that remotes had begin with. */
export const trackedRefs = "refs/remotes/";
/** Under it lie the refs of the layout v2 (specification §6). */
export const v2Prefix = "refs/entire/checkpoints/v2/";
export const v2MainRef = `${v2Prefix}main`;
export const v2CurrentRef = `${v2Prefix}full/current`;
export const v2ArchivePrefix = `${v2Prefix}full/`;

const trackedEnd = "/entire/checkpoints/v1";
const v2Archive = /^refs\/entire\/checkpoints\/v2\/full\/\d{13}$/;
