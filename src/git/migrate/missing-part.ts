import type {
  CheckpointInput,
  Layout,
  SessionInput,
  StoredCheckpoint,
  StoredSession,
  TaskInput,
} from "../checkpoint-store.ts";
import { currentSlots } from "../current-slots.ts";
import { RawObject } from "../format/raw-json.ts";
import { transcriptStartKeys } from "../format/transcript-start.ts";
import { throughMain } from "../layouts/v2/start-keys.ts";
import type { ObjectId, ObjectReader, TreeEntry } from "../plumbing/objects.ts";

/**
 * What a checkpoint lacks of another copy of it: sessions and tasks that it does not have, and transcripts that went on.
 * Whatever both have stays as it is here, so that a copy that is older never undoes a newer one.
 */
export async function missingPart(
  objects: ObjectReader,
  {
    from,
    there,
    to,
  }: { readonly from: CheckpointInput; readonly there: StoredCheckpoint; readonly to: Layout },
): Promise<{ readonly input: CheckpointInput | null; readonly kept: readonly string[] }> {
  const stored = storedSessions(there);
  const sessions: SessionInput[] = [];
  const kept: string[] = [];
  for (const session of from.sessions) {
    const other = stored.get(session.sessionId);
    const part = other === undefined ? session : await partOf(objects, { session, stored: other, to });
    if (part === "other") kept.push(session.sessionId);
    else if (part !== null) sessions.push(part);
  }
  const known = new Set(there.tasks.map(({ toolUseId }) => toolUseId));
  const tasks: TaskInput[] = (from.tasks ?? []).filter(({ toolUseId }) => !known.has(toolUseId));
  const others = missingIn(there.others, from.others);
  if (sessions.length + tasks.length + others.length === 0) return { input: null, kept };
  // Sums are made anew from all sessions: those of one copy fit neither.
  const { id, author } = from;
  const strategy = there.root.text("strategy") ?? from.strategy;
  const cliVersion = there.root.text("cli_version") ?? from.cliVersion;
  return {
    input: { id, strategy, cliVersion, sessions, tasks, others, ...(author === undefined ? {} : { author }) },
    kept,
  };
}

function storedSessions({ sessions }: StoredCheckpoint): ReadonlyMap<string, StoredSession> {
  const current = currentSlots(sessions);
  return new Map(
    sessions.flatMap((session) =>
      session.sessionId !== undefined && current.has(session.slot) ? [[session.sessionId, session]] : [],
    ),
  );
}

/** null: it has all of it. `other`: both have a transcript, and neither goes on from the other. */
async function partOf(
  objects: ObjectReader,
  { session, stored, to }: { session: SessionInput; stored: StoredSession; to: Layout },
): Promise<SessionInput | "other" | null> {
  const chunks = session.transcript?.chunks.map(({ id }) => id) ?? [];
  if (chunks.length > 0 && !isSame(chunks, stored.transcript)) {
    const order = await compare(objects, chunks, stored.transcript);
    if (order === "goes on") return session;
    if (order === "differs") return "other";
  }
  const lacking = lackingKeys(session.record ?? new RawObject([]), stored.metadata, to);
  const others = missingIn(stored.others, session.others);
  if (lacking.length + others.length === 0) return null;
  const metadata = Object.fromEntries(lacking);
  return { sessionId: session.sessionId, metadata, record: new RawObject([]), prompts: [], others };
}

function missingIn(there: readonly TreeEntry[], from: readonly TreeEntry[] = []): readonly TreeEntry[] {
  const names = new Set(there.map(({ name }) => name));
  return from.filter(({ name }) => !names.has(name));
}

/** What a record has and the stored one lacks, among what the other layout gives back as it was written. */
function lackingKeys(record: RawObject, stored: RawObject, to: Layout): RawObject["entries"] {
  const { entries } = to === "v2" ? throughMain(record) : record;
  // The start of a part is told once: one more key of it would take the place of the stored ones.
  const hasStart = transcriptStartKeys.some((key) => stored.get(key) !== undefined);
  return entries.filter(
    ([key]) => stored.get(key) === undefined && !(hasStart && transcriptStartKeys.includes(key)),
  );
}

function isSame(one: readonly ObjectId[], other: readonly ObjectId[]): boolean {
  return one.length === other.length && one.every((id, index) => id === other[index]);
}

// Chunk by chunk and no more than two at a time in memory.
const maxChunkBytes = 256 * 1024 * 1024;

async function compare(
  objects: ObjectReader,
  one: readonly ObjectId[],
  other: readonly ObjectId[],
): Promise<"goes on" | "is contained" | "differs"> {
  const [a, b] = [textOf(objects, one), textOf(objects, other)];
  let [left, right] = [await a.next(), await b.next()];
  for (;;) {
    if (right.done === true) return left.done === true ? "is contained" : "goes on";
    if (left.done === true) return "is contained";
    const length = Math.min(left.value.length, right.value.length);
    if (left.value.compare(right.value, 0, length, 0, length) !== 0) return "differs";
    left = left.value.length > length ? { done: false, value: left.value.subarray(length) } : await a.next();
    right =
      right.value.length > length ? { done: false, value: right.value.subarray(length) } : await b.next();
  }
}

async function* textOf(objects: ObjectReader, ids: readonly ObjectId[]): AsyncGenerator<Buffer, undefined> {
  for (const [index, id] of ids.entries()) {
    if (index > 0) yield Buffer.from("\n");
    const chunk = (await objects.blob(id, { maxBytes: maxChunkBytes })) ?? Buffer.alloc(0);
    if (chunk.length > 0) yield chunk;
  }
  return undefined;
}
