import { closersFor, toolFacts } from "../core/closers.ts";
import type { Entry, EntryInput } from "../core/entry.ts";
import type { RunEvent } from "../core/event.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Input } from "../core/input.ts";
import { eventLog, type Run, type Tail } from "../core/run.ts";
import { emptyJournal, stepLog, type StepJournal, withSteps } from "../core/steps.ts";
import type { Store } from "../core/store.ts";
import { classifyTail, type TailVerdict } from "../core/tail-verdict.ts";
import { inputUnknown } from "../core/work-checks.ts";
import { liveEvents } from "./run-events.ts";

/** An open run's tail, with all that tells what it is. */
export interface OpenTail extends Tail {
  readonly input: Input;
  /** Staged in the run's own log, and in the main log. */
  readonly events: readonly Entry[];
  readonly entries: readonly Entry[];
  /** The input's steps, over all its runs. */
  readonly journal: StepJournal;
  /** An operator has cleared the session since the run began: its resume token is not to come back. */
  readonly cleared: boolean;
}

/** Reads an open run's tail in pages, and tells of each page of a long log. @throws run_unknown, run_closed */
export async function readTail({ store, run: id, onPage }: ReadTailParams): Promise<OpenTail> {
  const tail = await store.tail({ run: id });
  const { run, parts } = tail;
  const log = async (name: string, after = 0): Promise<Entry[]> =>
    await readLog({ store, run, log: name, after, onPage });
  const staged = async (name: string): Promise<Entry[]> => {
    const part = parts.find((one) => one.log === name);
    return part === undefined ? [] : await log(name, part.from - 1);
  };
  return {
    ...tail,
    input: await inputOf(store, run),
    events: await staged(eventLog(run.id)),
    entries: await staged(""),
    journal: withSteps(emptyJournal, (await log(stepLog(run.input))).map(bodyOf)),
    cleared: await clearedSince(store, run),
  };
}

export interface ReadTailParams {
  readonly store: Store;
  readonly run: string;
  readonly onPage?: (() => Promise<unknown>) | undefined;
}

/** What the tail is: see `classifyTail`. */
export function verdictOn({ run, input, parts, events, entries, journal }: OpenTail): TailVerdict {
  const { provider } = input;
  return classifyTail({
    run,
    provider,
    parts,
    events: events.map(bodyOf),
    entries: entries.map(bodyOf),
    journal,
  });
}

/** The entries that leave the tail's transcript valid for its provider. */
export function closersOf(tail: OpenTail): readonly EntryInput[] {
  const { run, input, entries, journal } = tail;
  return closersFor(input.provider, entries, { run: run.id, tools: toolFacts(eventsOf(tail), journal) });
}

/** The run's own events that can be read. */
export function eventsOf({ run, events }: OpenTail): readonly RunEvent[] {
  return liveEvents(run.id, events);
}

/** The session alone, of anything that names one. */
export function sessionOf({ project, session }: SessionKey): SessionKey {
  return { project, session };
}

const pageEntries = 500;

async function inputOf(store: Store, run: Run): Promise<Input> {
  const [input] = await store.inputs({ session: sessionOf(run), input: run.input });
  if (input === undefined) throw inputUnknown(run, run.input);
  return input;
}

async function clearedSince(store: Store, run: Run): Promise<boolean> {
  const rows = await store.audit({ session: sessionOf(run), limit: 1000 });
  return rows.some(({ verb, atMs }) => verb === "lease_cleared" && atMs >= run.startedAtMs);
}

interface ReadLogParams extends Pick<ReadTailParams, "store" | "onPage"> {
  readonly run: Run;
  readonly log: string;
  readonly after: number;
}

async function readLog({ store, run, log, after, onPage }: ReadLogParams): Promise<Entry[]> {
  const found: Entry[] = [];
  for (;;) {
    const place = { log: { ...sessionOf(run), log }, run: run.id };
    const page = await store.read({ ...place, after: after + found.length, limit: pageEntries });
    found.push(...page.entries);
    if (found.length >= pageEntries) await onPage?.();
    if (page.entries.length === 0 || after + found.length >= page.head) return found;
  }
}

function bodyOf({ body }: Entry): string {
  return body;
}
