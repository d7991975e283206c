import type { Turn } from "../../../core/agent.ts";
import { closersFor, toolFacts } from "../../../core/closers.ts";
import { derivedUuid } from "../../../core/derived-uuid.ts";
import { isUuid, type Entry, type EntryInput } from "../../../core/entry.ts";
import { readEvent, type RunEvent, type ToolCallEvent } from "../../../core/event.ts";
import { tailInOrder } from "../../../core/reading-order.ts";
import { eventLog, type Run } from "../../../core/run.ts";
import { emptyJournal, stepLog, withSteps } from "../../../core/steps.ts";
import type { Fold } from "../../../core/store.ts";
import { readTranscript } from "../../../core/transcript.ts";

export interface UntoldCallsParams {
  readonly turn: Pick<Turn, "session" | "run" | "store">;
  readonly fold: Fold;
}

/**
 * Tells the transcript of the tools that interrupted runs have begun and that it does not know: the agent writes what it
 * does a moment after it does it, and one that is killed in that moment would do it again. Gives how many were told; to be
 * done once all that the agent wrote itself is there, and before the session is resumed.
 */
export async function tellUntoldCalls({ turn, fold }: UntoldCallsParams): Promise<number> {
  const { session, store } = turn;
  let count = 0;
  for (const run of await interruptedRuns(turn)) {
    const log = { ...session, log: "" };
    const events = await eventsOf(turn, run);
    const calls = await untold(turn, events);
    const tail = calls.length === 0 ? [] : await tailInOrder(store, log, tailEntries);
    const entries = entriesFor({ run, events, calls, tail, journal: await journalOf(turn, run) });
    if (entries.length === 0) continue;
    await store.append({ log, entries, fold, provider: "claude-code" });
    count += calls.length;
  }
  return count;
}

const mostRuns = 8;
/** Enough to find what was said last. */
const tailEntries = 200;

/** Those since the last one that ended otherwise, the oldest first. */
async function interruptedRuns({ session, run, store }: UntoldCallsParams["turn"]): Promise<readonly Run[]> {
  const { runs } = await store.runs({ session, limit: mostRuns });
  const earlier = runs.filter(({ id }) => id !== run);
  const end = earlier.findIndex(({ state }) => state !== "interrupted");
  return earlier.slice(0, end === -1 ? undefined : end).toReversed();
}

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

type Journal = ReturnType<typeof withSteps>;

async function journalOf({ session, store }: UntoldCallsParams["turn"], { input }: Run): Promise<Journal> {
  let journal = emptyJournal;
  for await (const bodies of store.scan({ log: { ...session, log: stepLog(input) } }))
    journal = withSteps(journal, bodies);
  return journal;
}

/** The calls of the agent itself that the main transcript does not have. */
async function untold(
  { session, store }: UntoldCallsParams["turn"],
  events: readonly RunEvent[],
): Promise<readonly ToolCallEvent[]> {
  const calls = events.filter((event) => event.type === "tool_call" && event.parent === undefined);
  const open = new Map(calls.map((event) => [(event as ToolCallEvent).call, event as ToolCallEvent]));
  if (open.size === 0) return [];
  for await (const bodies of store.scan({ log: { ...session, log: "" } }))
    for (const call of open.keys())
      if (bodies.some((body) => body.includes(JSON.stringify(call)) && isCallIn(body, call)))
        open.delete(call);
  return [...open.values()];
}

function isCallIn(body: string, call: string): boolean {
  return readTranscript("claude-code", [body]).said.some(({ toolCalls }) => toolCalls.includes(call));
}

interface EntriesParams {
  readonly run: Run;
  readonly events: readonly RunEvent[];
  readonly calls: readonly ToolCallEvent[];
  readonly tail: readonly Entry[];
  readonly journal: Journal;
}

/** As parts of one answer, behind what was said last, each with what is known of its outcome. */
function entriesFor({ run, events, calls, tail, journal }: EntriesParams): readonly EntryInput[] {
  const tools = toolFacts(events, journal);
  const begun = calls.filter(({ call }) => tools.get(call) !== "not_started");
  const { said, leaf } = readTranscript(
    "claude-code",
    tail.map(({ body }) => body),
  );
  const template = said.at(-1);
  if (begun.length === 0 || template === undefined) return [];
  let parent = leaf ?? null;
  const made = begun.map((event) => {
    const entry = callEntry({ run, event, parent, template: template.fields });
    parent = entry.uuid;
    return entry;
  });
  const atMs = tail.at(-1)!.atMs;
  const closed = closersFor("claude-code", [...tail, ...made.map(({ body }) => ({ body, atMs }))], {
    run: `${run.id}/untold`,
    tools,
  });
  return [...made, ...closed];
}

interface CallEntryParams {
  readonly run: Run;
  readonly event: ToolCallEvent;
  readonly parent: string | null;
  readonly template: Readonly<Record<string, unknown>>;
}

function callEntry({
  run,
  event,
  parent,
  template,
}: CallEntryParams): EntryInput & { readonly uuid: string } {
  const { call, name, input = {} } = event;
  // The one that the agent gave it: should its own entry come after all, it is known.
  const given = (event as { readonly entry?: string }).entry;
  const uuid = isUuid(given) ? given : derivedUuid("untold", run.id, call);
  const message = {
    id: derivedUuid("untold", run.id),
    type: "message",
    role: "assistant",
    model: "<synthetic>",
    content: [{ type: "tool_use", id: call, name, input }],
    stop_reason: "tool_use",
    stop_sequence: null,
    usage: { input_tokens: 0, output_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
  };
  const kept = Object.fromEntries(
    keptFields.flatMap((field) => (field in template ? [[field, template[field]]] : [])),
  );
  const holdfast = { closer: "tool_call", run: run.id };
  const body = JSON.stringify({
    parentUuid: parent,
    isSidechain: false,
    type: "assistant",
    message,
    uuid,
    ...kept,
    holdfast,
  });
  return { body, uuid };
}

const keptFields = ["timestamp", "userType", "entrypoint", "cwd", "sessionId", "version", "gitBranch"];
