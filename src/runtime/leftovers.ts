import type { Leftover } from "../core/agent.ts";
import { readEvent, type RunEvent } from "../core/event.ts";
import { eventLog, type Run } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { sessionOf } from "./read-tail.ts";

/** Asks the agent of a provider for the processes that a run has left behind on this machine. */
export type LeftoversOf = (of: {
  readonly provider: string;
  readonly events: readonly RunEvent[];
}) => Promise<readonly Leftover[]>;

/** What a lapsed run has left at work here, or why that is not known; nothing where there is nothing to say. */
export interface FoundLeftovers {
  readonly leftovers?: readonly Leftover[];
  readonly leftoversUnknown?: string;
}

/** Looks for what a run's events name; ends nothing, and never throws. */
export async function leftoversOf(
  { store, find }: { readonly store: Store; readonly find: LeftoversOf | undefined },
  run: Run,
): Promise<FoundLeftovers> {
  if (find === undefined) return {};
  try {
    const events = await eventsOf(store, run);
    // Most agents start no process: theirs is not loaded to be asked.
    if (!events.some((event) => event.type === "status" && event.process !== undefined)) return {};
    const [input] = await store.inputs({ session: sessionOf(run), input: run.input });
    const leftovers = input === undefined ? [] : await find({ provider: input.provider, events });
    return leftovers.length === 0 ? {} : { leftovers };
  } catch (error) {
    return { leftoversUnknown: error instanceof Error ? error.message : String(error) };
  }
}

async function eventsOf(store: Store, run: Run): Promise<readonly RunEvent[]> {
  const log = { ...sessionOf(run), log: eventLog(run.id) };
  const events: RunEvent[] = [];
  for (let after = 0; ;) {
    const { entries } = await store.read({ log, after, limit: pageEvents, run: run.id });
    for (const { body } of entries) {
      const read = readEvent(body);
      if ("event" in read && read.event.replayed !== true) events.push(read.event);
    }
    if (entries.length < pageEvents) return events;
    after = entries.at(-1)!.seq;
  }
}

const pageEvents = 1000;
