import { type SlotPaths, rootMetadata } from "../format/metadata.ts";
import { RawObject } from "../format/raw-json.ts";
import { freeSlot, slotOfName, slotOfPath } from "../format/slots.ts";
import { objectText } from "../format/write-json.ts";
import type { ObjectId, TreeEntry } from "../plumbing/objects.ts";
import { joinCommitLists } from "./join-commit-lists.ts";
import * as join from "./join-entries.ts";
import { joinObjects } from "./join-objects.ts";
import { type JoinedSlot, joinSlot } from "./join-slot.ts";

/**
 * The union of one checkpoint that two machines wrote: theirs keeps its slots, a session that only we have keeps its
 * own where that is free and goes behind the last where it is not, and a session that both have is joined file by file.
 */
export async function joinCheckpoint(
  context: join.JoinContext,
  three: join.ThreeIds,
  path: string,
): Promise<ObjectId> {
  const entries = await join.entriesOf(context, three);
  const { base, ours, theirs } = join.mapThree(entries, (side) => readSide(context, side));
  const sides = { base: await base, ours: await ours, theirs: await theirs };
  const slots = await joinSlots(context, sides);
  const root = joinRoot(sides, slots, path);
  if (root !== null)
    context.moved.set(
      path,
      new Map(slots.flatMap(({ slot, movedFrom }) => (movedFrom === undefined ? [] : [[movedFrom, slot]]))),
    );
  const others = join.mapThree(entries, withoutSlots);
  return context.batch.tree([
    ...slots.map(({ slot, id }): TreeEntry => ({ mode: "40000", name: String(slot), id })),
    ...(await join.joinEntries(others, (folders) => join.joinFolder(context, folders))),
    ...(root === null ? [] : [rootFile(context, root)]),
  ]);
}

interface Side {
  readonly root: RawObject | null;
  readonly slots: readonly Slot[];
}

interface Slot {
  readonly slot: number;
  readonly id: ObjectId;
  /** undefined where nobody can tell: then its number stands for it. */
  readonly sessionId: string | undefined;
}

interface PlacedSlot extends JoinedSlot {
  readonly slot: number;
  /** The number that it had on our side, where that was another. */
  readonly movedFrom?: number;
}

async function readSide(context: join.JoinContext, entries: join.Entries): Promise<Side> {
  const slots: Slot[] = [];
  for (const { name, mode, id } of entries.values()) {
    const slot = slotOfName(name);
    if (slot === undefined || mode !== "40000") continue;
    const files = await context.repository.objects.tree(id);
    const metadata = await join.objectOf(
      context,
      files?.find((file) => file.name === "metadata.json") ?? null,
    );
    slots.push({ slot, id, sessionId: metadata?.text("session_id") });
  }
  const root = await join.objectOf(context, entries.get("metadata.json") ?? null);
  return { root, slots: slots.toSorted((a, b) => a.slot - b.slot) };
}

function withoutSlots(entries: join.Entries): join.Entries {
  const kept = [...entries].filter(
    ([name, { mode }]) => name !== "metadata.json" && (slotOfName(name) === undefined || mode !== "40000"),
  );
  return new Map(kept);
}

async function joinSlots(
  context: join.JoinContext,
  { base, ours, theirs }: join.Three<Side>,
): Promise<readonly PlacedSlot[]> {
  const waiting = [...ours.slots];
  const placed: PlacedSlot[] = [];
  for (const their of theirs.slots) {
    const our = matching(waiting, their);
    if (our !== undefined) waiting.splice(waiting.indexOf(our), 1);
    const ids = { base: matching(base.slots, their)?.id ?? null, ours: our?.id ?? null, theirs: their.id };
    const joined = await joinSlot(context, ids);
    placed.push({ slot: their.slot, ...movedFrom(our?.slot, their.slot), ...joined });
  }
  const taken = [...theirs.slots, ...waiting].map(({ slot }) => slot);
  for (const our of waiting) {
    const slot = placed.some((other) => other.slot === our.slot) ? freeSlot(taken) : our.slot;
    taken.push(slot);
    const joined = await joinSlot(context, { base: null, ours: our.id, theirs: null });
    placed.push({ slot, ...movedFrom(our.slot, slot), ...joined });
  }
  return placed.toSorted((a, b) => a.slot - b.slot);
}

// Real checkpoints hold one session in two slots: its number tells which is which.
function matching<One extends Slot>(slots: readonly One[], wanted: Slot): One | undefined {
  const same = slots.filter(({ slot, sessionId }) =>
    sessionId === undefined || wanted.sessionId === undefined
      ? sessionId === wanted.sessionId && slot === wanted.slot
      : sessionId === wanted.sessionId,
  );
  return same.find(({ slot }) => slot === wanted.slot) ?? same[0];
}

function movedFrom(from: number | undefined, to: number): { readonly movedFrom?: number } {
  return from === undefined || from === to ? {} : { movedFrom: from };
}

function joinRoot(sides: join.Three<Side>, slots: readonly PlacedSlot[], path: string): RawObject | null {
  const roots = join.mapThree(sides, ({ root }) => root);
  const stored = joinObjects(roots, "ours");
  if (stored === null) return null;
  // Entries anew, in the order of the slots: ours and theirs may name one slot for two sessions.
  return rootMetadata({
    stored: stored.with("sessions", []),
    fields: joinCommitLists(roots),
    sessions: slots.flatMap(({ metadata }) => metadata ?? []),
    written: slots.map((slot) => pathsOf(slot, roots, path)),
  });
}

function rootFile({ batch }: join.JoinContext, root: RawObject): TreeEntry {
  return { mode: "100644", name: "metadata.json", id: batch.blob(Buffer.from(objectText(root))) };
}

// As the sides name a slot's files, but only those that are there, under the number that it has now.
function pathsOf(
  { slot, movedFrom: from = slot, files }: PlacedSlot,
  { ours, theirs }: join.Three<RawObject | null>,
  path: string,
): SlotPaths {
  const paths: Record<string, string> = {};
  const entries = [...entriesOfSlot(theirs, slot), ...entriesOfSlot(ours, from)];
  for (const [key, value] of entries.flatMap((entry) => entry.entries)) {
    const file =
      typeof value === "string"
        ? /^(?:\/[^/]+)*?\/\d{1,6}\/(.+)$/.exec(value.slice(path.length))?.[1]
        : undefined;
    if (file !== undefined && files.has(file.split("/")[0]!)) paths[key] = `${path}/${slot}/${file}`;
  }
  return { slot, paths: { ...paths, metadata: `${path}/${slot}/metadata.json` } };
}

function entriesOfSlot(root: RawObject | null, slot: number): readonly RawObject[] {
  const entries = (root?.list("sessions") ?? []).filter((entry) => entry instanceof RawObject);
  return entries.filter((entry) => slotOfPath(entry.text("metadata") ?? "") === slot);
}
