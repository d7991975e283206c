import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { CheckpointInput, Layout, ListedCheckpoint, StoredCheckpoint } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import { inputOfStored } from "../copy-checkpoint.ts";
import { branchRef, v2CurrentRef, v2MainRef } from "../format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { timeOf } from "./commit-of.ts";
import { leftOutOf } from "./left-out.ts";
import type { MigrateWork } from "./migrate.ts";
import { missingPart } from "./missing-part.ts";

/**
 * Carries checkpoints over one by one, the oldest first, into a layout of another form or beside another copy. A fault
 * of one never stops the others; that git or the disk fails does.
 */
export async function carryOver(work: MigrateWork, listed: readonly ListedCheckpoint[]): Promise<void> {
  const inputs: { readonly id: string; readonly atMs: number }[] = [];
  for (const one of listed) inputs.push({ id: one.id, atMs: await timeOf(work, one) });
  inputs.sort((a, b) => a.atMs - b.atMs || (a.id < b.id ? -1 : 1));
  // Before the refs: killed in between, a name waits in vain, but no ref is forgotten.
  if (!work.dryRun) await work.queue.add(inputs.flatMap(({ id }) => refsOf(work.to, id)));
  for (const { id } of inputs) {
    try {
      await carryOne(work, id);
    } catch (error) {
      if (!isDamage(error) && !isInvalid(error)) throw error;
      work.tally.problems.push({ id, reason: error.message });
    }
    work.onDone(1);
  }
}

function isInvalid(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && error.code === "checkpoint_invalid";
}

/** The refs that a checkpoint of a layout moves; a rotation's archive is known only when it is made. */
function refsOf(layout: Layout, id: string): readonly string[] {
  if (layout === "git-refs") return [refOfCheckpoint(id)];
  return layout === "git-branch" ? [branchRef] : [v2MainRef, v2CurrentRef];
}

async function carryOne(work: MigrateWork, id: string): Promise<void> {
  const { source, target, there, tally, dryRun, queue } = work;
  const stored = await source.read(id);
  if (stored === null) return;
  const from = await inputOf(work, stored);
  const other = there.has(id) ? await target.read(id) : null;
  const { input, kept } =
    other === null
      ? { input: from, kept: [] }
      : await missingPart(work.repository.objects, { from, there: other, to: work.to });
  const leftOut = leftOutOf(stored, other);
  if (leftOut.length > 0) tally.problems.push({ id, reason: leftOutReason(work.to, leftOut) });
  if (kept.length > 0) tally.kept.push({ id, sessions: kept });
  if (input === null) {
    tally.unchanged += 1;
    return;
  }
  if (dryRun) {
    tally[other === null ? "created" : "extended"] += 1;
    return;
  }
  const { changed, refs } = await target.write(input);
  // Again: a push meanwhile has dropped the name of a ref that was not there yet.
  await queue.add(refs);
  if (!changed) tally.unchanged += 1;
  else tally[other === null ? "created" : "extended"] += 1;
}

async function inputOf(work: MigrateWork, stored: StoredCheckpoint): Promise<CheckpointInput> {
  const { objects } = work.repository;
  // The hash that v2 has beside a transcript may be of other bytes: it is made anew (section 8).
  const sessions =
    work.from === "v2"
      ? stored.sessions.map((session) => ({ ...session, hash: undefined }))
      : stored.sessions;
  const input = await inputOfStored(objects, { ...stored, sessions });
  if (input.sessions.length === 0) throw withoutSessions(stored.id);
  const isWhole = input.sessions.length === stored.sessions.length;
  const record = isWhole ? input.record : input.record?.without(["combined_attribution"]);
  const author =
    work.authors.get(stored.id) ?? (await objects.commit(stored.version).catch(() => null))?.author;
  return {
    ...input,
    ...(record === undefined ? {} : { record }),
    ...(author === undefined ? {} : { author }),
  };
}

const maxTold = 20;

function leftOutReason(to: Layout, leftOut: readonly string[]): string {
  const more = leftOut.length > maxTold ? ` and ${leftOut.length - maxTold} more` : "";
  return `${to} does not have all of it; what stays behind: ${leftOut.slice(0, maxTold).join(", ")}${more}.`;
}

function withoutSessions(id: string): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_damaged",
    message: `The checkpoint ${id} cannot be carried over: no session in it has an id.`,
    next: "Look at it with `holdfast git verify`.",
    data: { id },
  });
}
