import { HoldfastError } from "../../core/errors.ts";
import { textOf } from "../../core/json.ts";
import type { CheckpointStore, Layout, ListedCheckpoint } from "../checkpoint-store.ts";
import { branchRef, trackedBranch, v2MainRef } from "../format/checkpoint-refs.ts";
import { idOfRef, shapeOfId } from "../format/ids.ts";
import { openLayout } from "../layouts/open-layout.ts";
import type { Identity } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { PushQueue } from "../push/queue.ts";
import { carryOver } from "./carry-over.ts";
import { copyFolders } from "./copy-folders.ts";
import { deletedIds } from "./deleted-ids.ts";
import { lastAuthors } from "./last-authors.ts";
import { type MigrateReport, Tally } from "./report.ts";

/** What is to be carried over, and how. */
export interface MigrateParams {
  readonly repository: Repository;
  readonly from: Layout;
  readonly to: Layout;
  readonly dryRun?: boolean;
  /** Lets ULIDs into layouts whose readers do not look for them. */
  readonly allowUlids?: boolean;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/**
 * Carries all checkpoints of a layout over to another one (specification, section 8). Ids, times, authors and unknown
 * keys stay; what the other one has is never undone; killed at any moment, it goes on when it is called again.
 * @throws checkpoint_invalid where both are the same
 */
export async function migrateCheckpoints(params: MigrateParams): Promise<MigrateReport> {
  const { repository, from, to, dryRun = false, allowUlids = false } = params;
  if (from === to) throw sameLayout(from);
  const tally = new Tally();
  const onDamaged = ({ message, data: { name, ref } }: HoldfastError): void =>
    void tally.problems.push({ id: textOf(ref) ?? idOfRef(String(name)) ?? "", reason: message });
  const source = openLayout(repository, from, { onDamaged });
  const target = openLayout(repository, to, { allowUlids });
  const [listed, deleted] = [await source.list(), await deletedIds(repository.commonDir)];
  const isRefused = ({ id }: ListedCheckpoint): boolean =>
    to !== "git-refs" && !allowUlids && shapeOfId(id) === "ulid";
  const wanted = listed.filter((one) => !deleted.has(one.id) && !isRefused(one));
  const authors = await authorsOf(repository, from, tally);
  const work: MigrateWork = {
    ...{ repository, from, to, source, target, authors, tally, dryRun },
    there: new Map((await target.list()).map(({ id, version }) => [id, version])),
    queue: new PushQueue(repository.commonDir),
    onDone: progressOf(params, wanted.length),
  };
  const rest = from === "v2" || to === "v2" ? wanted : await copyFolders(work, wanted);
  await carryOver(work, rest);
  const { created, extended, unchanged, kept, problems } = tally;
  return {
    ...{ from, to, dryRun, checkpoints: listed.length, created, extended, unchanged, kept, problems },
    deleted: listed.flatMap(({ id }) => (deleted.has(id) ? [id] : [])),
    refused: listed.flatMap((one) => (!deleted.has(one.id) && isRefused(one) ? [one.id] : [])),
  };
}

/** What the parts of a migration share. */
export interface MigrateWork {
  readonly repository: Repository;
  readonly from: Layout;
  readonly to: Layout;
  readonly source: CheckpointStore;
  readonly target: CheckpointStore;
  /** By checkpoint, where the layout has one history of all of them. */
  readonly authors: ReadonlyMap<string, Identity>;
  /** What the target has, with its versions. */
  readonly there: ReadonlyMap<string, string>;
  readonly tally: Tally;
  readonly queue: PushQueue;
  readonly dryRun: boolean;
  readonly onDone: (count: number) => void;
}

async function authorsOf(
  repository: Repository,
  from: Layout,
  { problems }: Tally,
): Promise<ReadonlyMap<string, Identity>> {
  if (from === "git-refs") return new Map();
  const ref = from === "v2" ? v2MainRef : branchRef;
  const local = (await repository.refs.read(ref)) === null ? undefined : ref;
  // Where the branch was only fetched, the layout reads that.
  const tracking = trackedBranch("origin");
  const name =
    local ??
    (from === "git-branch" && (await repository.refs.read(tracking)) !== null ? tracking : undefined);
  return name === undefined ? new Map() : await lastAuthors(repository, name, problems);
}

function progressOf({ onProgress }: MigrateParams, total: number): (count: number) => void {
  let done = 0;
  return (count) => onProgress?.({ done: (done += count), total });
}

function sameLayout(layout: Layout): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_invalid",
    message: `There is nothing to migrate from ${layout} to ${layout}.`,
    next: "Name two different layouts with --from and --to.",
  });
}
