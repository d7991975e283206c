import type { Turn } from "../../../core/agent.ts";
import { closersFor, type ToolFact, toolFacts } from "../../../core/closers.ts";
import { derivedUuid } from "../../../core/derived-uuid.ts";
import type { Entry, EntryInput } from "../../../core/entry.ts";
import { type EventFrame, readEvent, type RunEvent, type ToolCallEvent } from "../../../core/event.ts";
import { tailInOrder } from "../../../core/reading-order.ts";
import { eventLog, type Run } from "../../../core/run.ts";
import { emptyJournal, stepLog, type StepJournal, withSteps } from "../../../core/steps.ts";
import type { Fold } from "../../../core/store.ts";
import { openCalls, readTranscript, type Transcript } from "../../../core/transcript.ts";
import { promptEntry } from "./prompt-entry.ts";

export interface UntoldCallsParams {
  readonly turn: Pick<Turn, "session" | "run" | "store">;
  readonly fold: Fold;
  /** Whose tools are looked at, the oldest first. */
  readonly interrupted: readonly Run[];
}

/**
 * Tells the transcript of the tools that interrupted runs have begun and that it does not know, and closes each call that
 * it leaves open: the agent writes what it does a moment after it does it, and one that is killed in that moment would do
 * it again. To be done once all that the agent wrote itself is there, and before the session is resumed. Gives how many
 * calls were told or closed.
 */
export async function tellUntoldCalls({ turn, fold, interrupted }: UntoldCallsParams): Promise<number> {
  const { session, store } = turn;
  const last = interrupted.at(-1);
  if (last === undefined) return 0;
  const log = { ...session, log: "" };
  const tail = await tailInOrder(store, log, tailEntries);
  const told = await Promise.all(interrupted.map((run) => toldBy(turn, run)));
  const tools = new Map(told.flatMap((one) => [...one.tools]));
  const made = callEntries({ run: last.id, tail, told, calls: await untold(turn, told) });
  const entries: readonly Entry[] = [...tail, ...made];
  const open = openCalls(saidIn(entries));
  if (open.length === 0) return 0;
  const closers = closersFor(provider, entries, { run: `${last.id}/untold`, tools });
  await store.append({ log, entries: [...made, ...closers].map(inputOf), fold, provider });
  return open.length;
}

/** Whether the transcript holds anything that was said: without it the agent finds no conversation to resume. */
export async function hasConversation({ session, store }: Pick<Turn, "session" | "store">): Promise<boolean> {
  const tail = await tailInOrder(store, { ...session, log: "" }, tailEntries);
  return tail.length >= tailEntries || saidIn(tail).said.length > 0;
}

const provider = "claude-code";
/** Enough to find what was said last. */
const tailEntries = 200;

async function eventsOf({ session, store }: UntoldCallsParams["turn"], { id }: Run): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  for await (const bodies of store.scan({ log: { ...session, log: eventLog(id) } })) {
    for (const body of bodies) {
      const read = readEvent(body);
      if ("event" in read && read.event.replayed !== true && read.run === id) events.push(read.event);
    }
  }
  return events;
}

interface Told {
  readonly prompt: Entry | undefined;
  readonly calls: readonly ToolCallEvent[];
  readonly tools: ReadonlyMap<string, ToolFact>;
}

/** The calls of the agent itself that a run's events tell, and what its journal knows of them. */
async function toldBy(turn: UntoldCallsParams["turn"], run: Run): Promise<Told> {
  const [events, journal] = [await eventsOf(turn, run), await journalOf(turn, run)];
  const tools = toolFacts(events, journal);
  const calls = events.flatMap((event) =>
    event.type === "tool_call" && event.parent === undefined ? [event] : [],
  );
  const begun = calls.filter(({ call }) => tools.get(call) !== "not_started");
  return { prompt: promptEntry(run, events), calls: begun, tools };
}

async function journalOf(
  { session, store }: UntoldCallsParams["turn"],
  { input }: Run,
): Promise<StepJournal> {
  let journal = emptyJournal;
  for await (const bodies of store.scan({ log: { ...session, log: stepLog(input) } }))
    journal = withSteps(journal, bodies);
  return journal;
}

/** Those calls that the main transcript does not have. */
async function untold(
  { session, store }: UntoldCallsParams["turn"],
  told: readonly Told[],
): Promise<readonly ToldCall[]> {
  const open = new Map(told.flatMap(({ calls }) => calls.map((event) => [event.call, event])));
  if (open.size === 0) return [];
  for await (const bodies of store.scan({ log: { ...session, log: "" } }))
    for (const call of open.keys())
      if (bodies.some((body) => body.includes(JSON.stringify(call)) && isCallIn(body, call)))
        open.delete(call);
  return [...open.values()];
}

function isCallIn(body: string, call: string): boolean {
  return readTranscript(provider, [body]).said.some(({ toolCalls }) => toolCalls.includes(call));
}

type ToldCall = ToolCallEvent & EventFrame;

interface CallEntriesParams {
  readonly run: string;
  readonly tail: readonly Entry[];
  readonly told: readonly Told[];
  readonly calls: readonly ToldCall[];
}

/** The calls as parts of one answer, behind what was said last, or behind the prompt where nothing was; none where nobody knows that. */
function callEntries({ run, tail, told, calls }: CallEntriesParams): readonly Entry[] {
  if (calls.length === 0) return [];
  const known = saidIn(tail);
  const asked = told.find(({ prompt }) => prompt !== undefined)?.prompt;
  const first = known.said.length === 0 && asked !== undefined ? [asked] : [];
  const { said, leaf } = first.length === 0 ? known : saidIn(first);
  const [template, last] = [said.at(-1), [...tail, ...first].at(-1)];
  if (template === undefined || last === undefined) return [];
  const kept = Object.fromEntries(
    keptFields.flatMap((field) => (field in template.fields ? [[field, template.fields[field]]] : [])),
  );
  let parentUuid = leaf ?? null;
  const made = calls.map((event, index) => {
    // The one that the agent gave it: should its own entry come after all, it is known.
    const uuid = event.entry ?? derivedUuid("untold", run, event.call);
    const message = messageOf(run, event);
    const holdfast = { closer: "tool_call", run };
    const fields = { parentUuid, isSidechain: false, type: "assistant", message, uuid, ...kept, holdfast };
    parentUuid = uuid;
    return { seq: last.seq + 1 + index, atMs: last.atMs, uuid, body: JSON.stringify(fields) };
  });
  return [...first, ...made];
}

function saidIn(entries: readonly Entry[]): Transcript {
  return readTranscript(
    provider,
    entries.map(({ body }) => body),
  );
}

const keptFields = ["timestamp", "userType", "entrypoint", "cwd", "sessionId", "version", "gitBranch"];

function messageOf(run: string, { call, name, input = {} }: ToldCall): object {
  return {
    id: derivedUuid("untold", run),
    type: "message",
    role: "assistant",
    // It keeps the entry out of the usage.
    model: "<synthetic>",
    content: [{ type: "tool_use", id: call, name, input }],
    stop_reason: "tool_use",
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
}

function inputOf({ uuid, body, atMs }: EntryInput): EntryInput {
  return { body, ...(uuid !== undefined && { uuid }), ...(atMs !== undefined && { atMs }) };
}
