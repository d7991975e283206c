import type { HoldfastError } from "../core/errors.ts";
import type { CheckpointStore, Layout, ListedCheckpoint } from "./checkpoint-store.ts";
import { isDamage } from "./damage.ts";
import { layouts, olderLayout, readFlowSettings } from "./flow/flow-settings.ts";
import { branchRef, v2MainRef } from "./format/checkpoint-refs.ts";
import type { Severity } from "./format/findings.ts";
import { checkId, idOfRef, refOfCheckpoint, shapeOfId, treePathOf } from "./format/ids.ts";
import { openLayout } from "./layouts/open-layout.ts";
import type { ObjectId } from "./plumbing/objects.ts";
import type { Repository } from "./plumbing/repository.ts";
import { commitsToldBy } from "./reading/anchors.ts";
import { verifyCommits } from "./verify/commits.ts";
import { type CheckpointFinding, Found } from "./verify/found.ts";
import { verifyGenerations } from "./verify/generations.ts";
import { Copies, type ListedLayout, verifyMirrors } from "./verify/mirrors.ts";
import { verifyRefNames } from "./verify/ref-names.ts";
import { verifyTranscripts } from "./verify/transcripts.ts";
import { verifyTreeNames } from "./verify/tree-names.ts";

/** What is to be looked at. */
export interface VerifyParams {
  readonly repository: Repository;
  /** Only this checkpoint; what is of no checkpoint is then not looked at. */
  readonly id?: string;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
}

/** What was found; nothing was changed. */
export interface VerifyReport {
  /** How many checkpoints each layout has that was looked at. */
  readonly checkpoints: Readonly<Partial<Record<Layout, number>>>;
  readonly counts: Readonly<Record<Severity, number>>;
  /** The first of them, where they are too many. */
  readonly findings: readonly CheckpointFinding[];
}

/** Looks at everything that is stored of checkpoints, or of one, and changes nothing. @throws checkpoint_invalid for what is no id */
export async function verifyCheckpoints(params: VerifyParams): Promise<VerifyReport> {
  const { repository, id } = params;
  if (id !== undefined) checkId(id);
  const found = new Found();
  if (id === undefined) await verifyPlaces(repository, found);
  const stores = layouts.map((layout) => {
    const onDamaged = (error: HoldfastError): void => tellLeftOut({ layout, only: id, error, found });
    return openLayout(repository, layout, { onDamaged });
  });
  const listed = new Map<Layout, readonly ListedCheckpoint[]>();
  for (const store of stores) {
    const list = await listOf(store, params, found);
    if (list !== null) listed.set(store.layout, list);
  }
  const total = [...listed.values()].reduce((sum, { length }) => sum + length, 0);
  // By all of its copies: one may have been linked since the others were made.
  const told = new Map<string, readonly ObjectId[]>();
  let done = 0;
  const onDone = (count: number): void => params.onProgress?.({ done: (done += count), total });
  const copies = new Copies();
  for (const store of stores)
    await verifyRecords({
      ...{ repository, store, found, onDone, copies, told, listed: listed.get(store.layout) ?? [] },
    });
  const known = new Set([...listed.values()].flat().map((one) => one.id));
  await verifyCommits(repository, { known, told, only: id, found });
  if (id === undefined) await verifyOwnMirrors({ repository, listed, copies, found });
  const counted = [...listed]
    .filter(([, { length }]) => length > 0)
    .map(([layout, { length }]) => [layout, length]);
  return {
    checkpoints: Object.fromEntries(counted) as VerifyReport["checkpoints"],
    counts: found.counts,
    findings: found.findings,
  };
}

const atOnce = 32;

async function verifyPlaces(repository: Repository, found: Found): Promise<void> {
  await verifyRefNames(repository, found);
  await verifyTreeNames(repository, { layout: "git-branch", ref: branchRef }, found);
  await verifyTreeNames(repository, { layout: "v2", ref: v2MainRef }, found);
  await verifyGenerations(repository, found);
}

/** What a list leaves out, where it may be the one that is asked for; of all it was told where refs are looked at. */
function tellLeftOut({
  layout,
  only: id,
  error: { message, data },
  found,
}: {
  layout: Layout;
  only: string | undefined;
  error: HoldfastError;
  found: Found;
}): void {
  if (id === undefined) return;
  const { name, ref, shard } = data;
  if (idOfRef(String(name)) === id)
    found.add("ref_damaged", { layout, id, where: refOfCheckpoint(id) }, message);
  if (shard === treePathOf(id).shard)
    found.add("object_missing", { layout, id, where: `${String(ref)}:${shard}` }, message);
}

/** null: it cannot be read, as is told here where refs are not looked at. */
async function listOf(
  store: CheckpointStore,
  { id }: VerifyParams,
  found: Found,
): Promise<readonly ListedCheckpoint[] | null> {
  try {
    const listed = await store.list();
    return id === undefined ? listed : listed.filter((one) => one.id === id);
  } catch (error) {
    if (!isDamage(error)) throw error;
    if (id !== undefined)
      found.add("ref_dangling", { layout: store.layout, where: store.layout }, error.message);
    return null;
  }
}

async function verifyRecords({
  repository,
  store,
  listed,
  copies,
  found,
  told,
  onDone,
}: {
  repository: Repository;
  store: CheckpointStore;
  listed: readonly ListedCheckpoint[];
  copies: Copies;
  found: Found;
  told: Map<string, readonly ObjectId[]>;
  onDone: (count: number) => void;
}): Promise<void> {
  for (let at = 0; at < listed.length; at += atOnce) {
    const part = listed.slice(at, at + atOnce);
    // One store after the other findings in the order of the list, whichever is read first.
    const parts = await Promise.all(
      part.map(({ id }) => verifyRecord({ repository, store, id, copies, told })),
    );
    for (const { findings } of parts) for (const finding of findings) found.keep(finding);
    onDone(part.length);
  }
}

async function verifyRecord({
  repository,
  store,
  id,
  copies,
  told,
}: {
  repository: Repository;
  store: CheckpointStore;
  id: string;
  copies: Copies;
  told: Map<string, readonly ObjectId[]>;
}): Promise<Found> {
  const found = new Found();
  const at = { layout: store.layout, id };
  if (store.layout !== "git-refs" && shapeOfId(id) === "ulid")
    found.add("ulid_in_tree", { ...at, where: id }, "The id is a ULID.");
  try {
    const stored = await store.read(id);
    for (const finding of stored?.findings ?? []) found.keep({ ...finding, ...at });
    if (stored === null) return found;
    copies.keep(store.layout, stored);
    told.set(id, [...(told.get(id) ?? []), ...commitsToldBy(stored)]);
    await verifyTranscripts(repository.objects, stored, { found, at });
  } catch (error) {
    if (!isDamage(error)) throw error;
    if (store.layout === "git-refs")
      found.add("ref_dangling", { ...at, where: refOfCheckpoint(id) }, error.message);
    else found.add("object_missing", { ...at, where: id }, error.message);
  }
  return found;
}

async function verifyOwnMirrors({
  repository,
  listed,
  copies,
  found,
}: {
  repository: Repository;
  listed: ReadonlyMap<Layout, readonly ListedCheckpoint[]>;
  copies: Copies;
  found: Found;
}): Promise<void> {
  const settings = await readFlowSettings(repository);
  if (settings === undefined) return;
  const { stdout } = await repository.git(["config", "--type=bool", "--get", "holdfast.ulidMirrors"], {
    codes: [0, 1],
  });
  const idsIn = (layout: Layout): ListedLayout => ({
    layout,
    ids: (listed.get(layout) ?? []).map(({ id }) => id),
  });
  const older = olderLayout(settings);
  await verifyMirrors({
    commonDir: repository.commonDir,
    primary: idsIn(settings.layout),
    older: older !== undefined && listed.has(older) ? idsIn(older) : undefined,
    mirrors: settings.mirrors.filter((layout) => listed.has(layout)).map(idsIn),
    ulidMirrors: stdout.toString().trim() === "true",
    copies,
    found,
  });
}
