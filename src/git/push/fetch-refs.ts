import type { Ref } from "../plumbing/refs.ts";
import type { Repository } from "../plumbing/repository.ts";
import { branchRef, kindOfRef, trackedBranch, v2Prefix } from "../format/checkpoint-refs.ts";
import { checkpointRefs } from "../format/ids.ts";
import { createRefs } from "../plumbing/create-refs.ts";
import { Deadline } from "./deadline.ts";
import { joinRef } from "./join-refs.ts";
import { type Reconciled, reconcileCurrent, takeArchive } from "./reconcile-current.ts";
import { Remote } from "./remote.ts";
import { followMoves } from "./slot-moves.ts";

export interface FetchParams {
  readonly repository: Repository;
  readonly remote: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

interface RefsParams extends FetchParams {
  readonly names: readonly string[];
}

/** What became of the checkpoints that were asked for. */
export interface FetchReport {
  readonly remote: string;
  /** They were not here, or not all of them. */
  readonly fetched: readonly string[];
  /** All that the remote has was here. */
  readonly present: readonly string[];
  /** The remote has answered, and has none of these. */
  readonly absent: readonly string[];
  /** Nobody knows: what came could not be taken. */
  readonly failed: readonly { readonly name: string; readonly reason: string }[];
}

/**
 * Fetches refs of checkpoints, and joins what is here already. A name that ends in a slash stands for all below it;
 * none need be there. @throws git_failed, git_timeout, aborted
 */
export async function fetchRefs(params: RefsParams): Promise<FetchReport> {
  const { repository, remote, names } = params;
  const there = names.length === 0 ? [] : await remoteOf(params).fetch(names, await knownOf(params));
  const wanted = there.filter(({ name }) => kindOfRef(name) !== undefined && isAsked(name, names));
  const created = await createNew(repository, wanted);
  const fetched = [...created];
  const present: string[] = [];
  const failed: { name: string; reason: string }[] = [];
  await followMoves(repository);
  for (const ref of wanted.filter(({ name }) => !created.has(name)).toSorted(mainFirst)) {
    try {
      const list = (await isBroughtIn(repository, ref, wanted)) ? fetched : present;
      list.push(ref.name);
    } catch (error) {
      failed.push({ name: ref.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { remote, fetched, present, absent: [], failed };
}

/** The remote that is asked, for as long as the whole call may take. */
export function remoteOf({ repository, remote, timeoutMs, signal }: FetchParams): Remote {
  return new Remote({ repository, name: remote, deadline: new Deadline({ timeoutMs, signal }) });
}

// Our own tips, so that what is here does not come again; git's own fetch may have brought the branch. A checkpoint
// alone has a history of its own.
async function knownOf({ repository: { refs }, remote, names }: RefsParams): Promise<readonly Ref[]> {
  const known = names.includes(branchRef) ? [...names, trackedBranch(remote)] : names;
  const lists = await Promise.all(
    known.map(async (name) => {
      if (name.endsWith("/")) return await refs.list(name);
      const id = await refs.read(name);
      return id === null ? [] : [{ name, id }];
    }),
  );
  return lists.flat();
}

function isAsked(name: string, names: readonly string[]): boolean {
  return names.some((asked) => (asked.endsWith("/") ? name.startsWith(asked) : name === asked));
}

// The slots of a checkpoint of v2 are decided on its main.
function mainFirst(a: Ref, b: Ref): number {
  const rank = ({ name }: Ref): number => (name.startsWith(`${v2Prefix}full/`) ? 1 : 0);
  return rank(a) - rank(b);
}

/** The checkpoints that are not here at all, made together: one by one, thousands of them would take minutes. */
async function createNew(repository: Repository, wanted: readonly Ref[]): Promise<ReadonlySet<string>> {
  const own = wanted.filter(({ name }) => kindOfRef(name) === "checkpoint");
  if (own.length < 2) return new Set();
  const here = new Set((await repository.refs.list(checkpointRefs)).map(({ name }) => name));
  const missing = own.filter(({ name }) => !here.has(name));
  try {
    const taken = new Set(await createRefs(repository, missing, { reason: "holdfast: fetch" }));
    return new Set(missing.map(({ name }) => name).filter((name) => !taken.has(name)));
  } catch {
    // Each is tried by itself then, and each that fails says why.
    return new Set();
  }
}

async function isBroughtIn(repository: Repository, ref: Ref, all: readonly Ref[]): Promise<boolean> {
  for (;;) {
    const joined = await bringIn(repository, ref, all);
    if (joined !== "moved") return joined === "joined" || joined === "theirs";
  }
}

async function bringIn(repository: Repository, ref: Ref, all: readonly Ref[]): Promise<Reconciled["kind"]> {
  const kind = kindOfRef(ref.name);
  if (kind === "v2-archive") return await takeArchive(repository, ref);
  if (kind !== "v2-current") return await joinRef(repository, ref);
  const archives = all.filter(({ name }) => kindOfRef(name) === "v2-archive");
  return (await reconcileCurrent(repository, { current: ref, archives })).kind;
}
