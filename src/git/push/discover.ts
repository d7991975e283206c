import { branchRef, kindOfRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { checkpointRefs, compareIds, idOfRef, idOfTreePath } from "../format/ids.ts";
import { ShardedTree } from "../layouts/v2/sharded-tree.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Ref } from "../plumbing/refs.ts";
import type { Repository } from "../plumbing/repository.ts";
import { type FetchParams, remoteOf } from "./fetch-refs.ts";
import type { Folder } from "./remote.ts";

/** What a remote has of checkpoints, in every layout, and what is not here. */
export interface Discovery {
  readonly remote: string;
  /** Ids that the remote has and this repository has in no layout. */
  readonly absent: readonly string[];
  /** Ids that both have, but in some layout not alike. */
  readonly differing: readonly string[];
  /** Ids that both have, and not otherwise in any layout. */
  readonly same: readonly string[];
  /** Refs that hold many checkpoints, or their transcripts, and are not here as they are there. */
  readonly shared: readonly string[];
}

/** Asks a remote for the names of its checkpoints, and fetches none. @throws git_failed, git_timeout, aborted */
export async function discover(params: FetchParams): Promise<Discovery> {
  const { there, here } = await bothSides(params);
  const isAlike = (name: string): boolean => there.get(name) === here.get(name);
  const shared = [...there.keys()].filter((name) => idOfRef(name) === undefined && !isAlike(name));
  const ours = [...alone(here), ...(await ofMany(params.repository, here))];
  const apart = shared.filter((name) => name === branchRef || name === v2MainRef);
  const theirs = [
    ...alone(there),
    ...ours.filter(({ place }) => there.has(place) && isAlike(place)),
    ...(apart.length === 0 ? [] : foldersOf(await remoteOf(params).folders(apart))),
  ];
  return { remote: params.remote, ...compared(ours, theirs), shared };
}

/** The refs of checkpoints, in every layout, that a remote has not as they are here. @throws git_failed, git_timeout, aborted */
export async function unpushed(params: FetchParams): Promise<readonly string[]> {
  const { there, here } = await bothSides(params);
  return [...here.keys()].filter((name) => there.get(name) !== here.get(name));
}

type Tips = ReadonlyMap<string, ObjectId>;

async function bothSides(params: FetchParams): Promise<{ readonly there: Tips; readonly here: Tips }> {
  const { refs } = params.repository;
  const tips = (all: readonly Ref[]): Map<string, ObjectId> =>
    new Map(all.flatMap(({ name, id }) => (kindOfRef(name) === undefined ? [] : [[name, id] as const])));
  const there = tips(await remoteOf(params).names([`${checkpointRefs}*`, branchRef]));
  const here = tips(await refs.list(checkpointRefs));
  const branch = await refs.read(branchRef);
  if (branch !== null) here.set(branchRef, branch);
  return { there, here };
}

interface Stored {
  readonly id: string;
  /** The layout git-refs, or the ref that holds it among others. */
  readonly place: string;
  /** Changes with the checkpoint; comparable within a place. */
  readonly version: ObjectId;
}

function compared(
  ours: readonly Stored[],
  theirs: readonly Stored[],
): Pick<Discovery, "absent" | "differing" | "same"> {
  const placed = ({ place, id }: Stored): string => `${place} ${id}`;
  const versions = new Map(ours.map((one) => [placed(one), one.version]));
  const here = new Set(ours.map(({ id }) => id));
  const isOther = (one: Stored): boolean => (versions.get(placed(one)) ?? one.version) !== one.version;
  const others = new Set(theirs.filter(isOther).map(({ id }) => id));
  const ids = [...new Set(theirs.map(({ id }) => id))].toSorted(compareIds);
  return {
    absent: ids.filter((id) => !here.has(id)),
    differing: ids.filter((id) => others.has(id)),
    same: ids.filter((id) => here.has(id) && !others.has(id)),
  };
}

function alone(refs: Tips): readonly Stored[] {
  return [...refs].flatMap(([name, version]) => {
    const id = idOfRef(name);
    return id === undefined ? [] : [{ id, place: "git-refs", version }];
  });
}

async function ofMany({ objects }: Repository, refs: Tips): Promise<readonly Stored[]> {
  const stored: Stored[] = [];
  for (const place of [branchRef, v2MainRef])
    // What cannot be read here is fetched again where the remote has it.
    for (const { id, tree } of await (
      await ShardedTree.at(objects, refs.get(place) ?? null)
    ).all({ onDamaged: () => undefined }))
      stored.push({ id, place, version: tree });
  return stored;
}

function foldersOf(folders: ReadonlyMap<string, readonly Folder[]>): readonly Stored[] {
  return [...folders].flatMap(([place, all]) =>
    all.flatMap(({ id: version, ...path }) => {
      const id = idOfTreePath(path);
      return id === undefined ? [] : [{ id, place, version }];
    }),
  );
}
