import { branchRef, v2ArchivePrefix, v2MainRef } from "../format/checkpoint-refs.ts";
import { checkpointRefs, idOfRef, refOfCheckpoint, shapeOfId } from "../format/ids.ts";
import type { CheckpointStore } from "../checkpoint-store.ts";
import { BranchLayout } from "../layouts/branch.ts";
import { V2Layout } from "../layouts/v2/layout.ts";
import { type FetchParams, type FetchReport, fetchRefs } from "./fetch-refs.ts";

/**
 * Fetches checkpoints by their ids, each from a ref of its own or else from those that hold many, and joins what is here
 * already. @throws git_failed, git_timeout, aborted
 */
export async function fetchCheckpoints(
  params: FetchParams & { readonly ids: readonly string[] },
): Promise<FetchReport> {
  const given = [...new Set(params.ids)];
  const ids = given.filter((id) => shapeOfId(id) !== undefined);
  const refs = await fetchRefs({ ...params, names: ids.map(refOfCheckpoint) });
  const own = {
    fetched: refs.fetched.map(nameOf),
    present: refs.present.map(nameOf),
    failed: refs.failed.map(({ name, reason }) => ({ name: nameOf(name), reason })),
  };
  const there = new Set([...own.fetched, ...own.present, ...own.failed.map(({ name }) => name)]);
  const shared = await fetchFromShared(
    params,
    ids.filter((id) => !there.has(id)),
  );
  return {
    remote: params.remote,
    fetched: [...own.fetched, ...shared.fetched],
    present: [...own.present, ...shared.present],
    absent: [...shared.absent, ...given.filter((id) => shapeOfId(id) === undefined)],
    failed: [...own.failed, ...shared.failed],
  };
}

/** Fetches all that a remote has of checkpoints, in every layout; what is here already is joined. */
export async function fetchAll(params: FetchParams): Promise<FetchReport> {
  return await fetchRefs({ ...params, names: [checkpointRefs, branchRef] });
}

/** Fetches what a remote has of the layout v2's raw transcripts, for one that is nowhere else (specification §6.3). */
export async function fetchArchives(params: FetchParams): Promise<FetchReport> {
  return await fetchRefs({ ...params, names: [v2ArchivePrefix] });
}

// The branch and v2's main are fetched whole, the raw transcripts of v2 only where one of these lies nowhere else.
async function fetchFromShared(
  params: FetchParams,
  ids: readonly string[],
): Promise<Omit<FetchReport, "remote">> {
  if (ids.length === 0) return { fetched: [], present: [], absent: [], failed: [] };
  const { repository } = params;
  let archives: Promise<FetchReport> | undefined;
  const v2 = new V2Layout(repository, {
    fetchArchives: async () => void (await (archives ??= fetchArchives(params))),
  });
  const stores = [new BranchLayout(repository), v2];
  const before = await versionsIn(stores);
  const refs = await fetchRefs({ ...params, names: [branchRef, v2MainRef] });
  for (const id of ids) await v2.read(id);
  const after = await versionsIn(stores);
  const failed = [...refs.failed, ...((await archives)?.failed ?? [])];
  const here = ids.filter((id) => after.has(id));
  return {
    fetched: here.filter((id) => after.get(id) !== before.get(id)),
    present: here.filter((id) => after.get(id) === before.get(id)),
    // What could not be taken may hold it.
    absent: failed.length > 0 ? [] : ids.filter((id) => !after.has(id)),
    failed,
  };
}

/** What names each checkpoint, in all of these. */
async function versionsIn(stores: readonly CheckpointStore[]): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const store of stores)
    for (const { id, version } of await store.list())
      versions.set(id, `${versions.get(id) ?? ""} ${store.layout} ${version}`);
  return versions;
}

function nameOf(ref: string): string {
  return idOfRef(ref) ?? ref;
}
