import { branchRef, kindOfRef } from "../format/checkpoint-refs.ts";
import { checkpointRefs, idOfRef } from "../format/ids.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Ref } from "../plumbing/refs.ts";
import { type FetchParams, remoteOf } from "./fetch.ts";

/** What a remote has of checkpoints, and what is not here. */
export interface Discovery {
  readonly remote: string;
  /** Of the layout git-refs: ids that the remote has and this repository has not. */
  readonly absent: readonly string[];
  /** Of the layout git-refs: ids that both have, but not alike. */
  readonly differing: readonly string[];
  /** Of the layout git-refs: ids that both have alike. */
  readonly same: readonly string[];
  /** Refs of the other layouts that are not here as they are there; they hold many checkpoints each. */
  readonly shared: readonly string[];
}

/** Asks a remote for the names of its checkpoints, and fetches none. @throws git_failed, git_timeout, aborted */
export async function discover(params: FetchParams): Promise<Discovery> {
  const { there, here } = await bothSides(params);
  const ours = there.filter(({ name }) => kindOfRef(name) === "checkpoint");
  const differs = ({ name, id }: Ref): boolean => here.get(name) !== id;
  return {
    remote: params.remote,
    absent: ours.filter(({ name }) => !here.has(name)).map(idOf),
    differing: ours.filter((ref) => here.has(ref.name) && differs(ref)).map(idOf),
    same: ours.filter((ref) => !differs(ref)).map(idOf),
    shared: there
      .filter((ref) => kindOfRef(ref.name) !== "checkpoint" && differs(ref))
      .map(({ name }) => name),
  };
}

/** The refs of checkpoints, in every layout, that a remote has not as they are here. @throws git_failed, git_timeout, aborted */
export async function unpushed(params: FetchParams): Promise<readonly string[]> {
  const { there, here } = await bothSides(params);
  for (const { name, id } of there) if (here.get(name) === id) here.delete(name);
  return [...here.keys()];
}

async function bothSides(
  params: FetchParams,
): Promise<{ readonly there: readonly Ref[]; readonly here: Map<string, ObjectId> }> {
  const { refs } = params.repository;
  const isOurs = ({ name }: Ref): boolean => kindOfRef(name) !== undefined;
  const there = (await remoteOf(params).names([`${checkpointRefs}*`, branchRef])).filter(isOurs);
  const here = new Map((await refs.list(checkpointRefs)).filter(isOurs).map(({ name, id }) => [name, id]));
  const branch = await refs.read(branchRef);
  if (branch !== null) here.set(branchRef, branch);
  return { there, here };
}

function idOf({ name }: Ref): string {
  return idOfRef(name)!;
}
