import { branchRef, kindOfRef, trackedBranch, v2MainRef } from "../format/checkpoint-refs.ts";
import { checkpointRefs, compareIds, idOfRef, idOfTreePath } from "../format/ids.ts";
import { ShardedTree } from "../layouts/v2/sharded-tree.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Ref } from "../plumbing/refs.ts";
import type { Repository } from "../plumbing/repository.ts";
import { type FetchParams, remoteOf } from "./fetch-refs.ts";
import type { Folder, Remote } from "./remote.ts";

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
  const { repository } = params;
  const [there, here] = [await tipsThere(remoteOf(params)), await tipsHere(repository)];
  // What is on the branch here counts before what git itself has brought of it.
  const sides = await Promise.all(
    [await broughtBranch(params), here].map((tips) => sideOf(repository, tips)),
  );
  const isAlike = (tips: Tips, name: string): boolean =>
    there.has(name) && there.get(name) === tips.get(name);
  const shared = [...there.keys()].filter(
    (name) => idOfRef(name) === undefined && !sides.some(({ tips }) => isAlike(tips, name)),
  );
  const apart = shared.filter((name) => name === branchRef || name === v2MainRef);
  const theirs = [
    ...alone(there),
    ...sides.flatMap(({ tips, stored }) => stored.filter(({ place }) => isAlike(tips, place))),
    ...(apart.length === 0 ? [] : foldersOf(await remoteOf(params).folders(apart))),
  ];
  const ours = sides.flatMap(({ stored }) => stored);
  return { remote: params.remote, ...compared(ours, theirs), shared };
}

/** The refs of checkpoints, in every layout, that a remote has not as they are here. @throws git_failed, git_timeout, aborted */
export async function unpushed(params: FetchParams): Promise<readonly string[]> {
  const here = await tipsHere(params.repository);
  const names = new Set<string>();
  for (const place of await remoteOf(params).places()) {
    const there = await tipsThere(place);
    for (const [name, id] of here) if (there.get(name) !== id) names.add(name);
  }
  return [...names];
}

type Tips = ReadonlyMap<string, ObjectId>;

async function tipsThere(remote: Remote): Promise<Tips> {
  return tipsOf(await remote.names([`${checkpointRefs}*`, branchRef]));
}

async function tipsHere({ refs }: Repository): Promise<Tips> {
  const branch = await refs.read(branchRef);
  const here = await refs.list(checkpointRefs);
  return tipsOf(branch === null ? here : [...here, { name: branchRef, id: branch }]);
}

function tipsOf(refs: readonly Ref[]): Tips {
  return new Map(
    refs.flatMap(({ name, id }) => (kindOfRef(name) === undefined ? [] : [[name, id] as const])),
  );
}

/** The branch as git itself has brought it from the remote, which all reading commands read too. */
async function broughtBranch({ repository: { refs }, remote }: FetchParams): Promise<Tips> {
  const tip = await refs.read(trackedBranch(remote));
  return new Map(tip === null ? [] : [[branchRef, tip]]);
}

async function sideOf(
  repository: Repository,
  tips: Tips,
): Promise<{ readonly tips: Tips; readonly stored: readonly Stored[] }> {
  return { tips, stored: [...alone(tips), ...(await ofMany(repository, tips))] };
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
