import type { ReplayedEvent, RunEvent } from "./event.ts";
import { blockHash } from "./reading-order.ts";

/** An event as it is shown again in a later run. */
export function asReplayed(event: RunEvent): ReplayedEvent {
  return { ...event, replayed: true };
}

/** The event that stands before those of an interrupted run that are shown again. */
export function replayMarker(run: string): ReplayedEvent {
  return { type: "status", status: "replay_started", of: run, replayed: true };
}

/**
 * What was told of a run. An event is known again by its tool call or its response, by the transcript entry that holds
 * it, and else by its kind and its text, as often as those were told; of texts only hashes are kept.
 */
export class ToldEvents {
  readonly #calls = new Set<string>();
  readonly #others = new Map<string, Told[]>();
  #size = 0;

  /** How many events it knows. */
  get size(): number {
    return this.#size;
  }

  /** A piece tells nothing: the whole that it belongs to may be lacking. */
  add(event: RunEvent): void {
    if (!isPiece(event)) this.#add(event);
  }

  #add(event: RunEvent): Told {
    this.#size += 1;
    const told: Told = { at: this.#size };
    const call = callOf(event);
    if (call !== undefined) this.#calls.add(call);
    if (call !== undefined) return told;
    const { entry } = event;
    const keys = [textKey(event), entry === undefined ? nowhereKey(event) : entryKey(event, entry)];
    for (const key of keys) {
      const known = this.#others.get(key);
      if (known === undefined) this.#others.set(key, [told]);
      else known.push(told);
    }
    return told;
  }

  /** Tells of the events of one source, asked in their order, which were lacking here; from then on they are told too. */
  source(): (event: RunEvent) => boolean {
    const used = new Set<Told>();
    const looked = new Map<string, number>();
    const next = (key: string): Told | undefined => {
      const found = this.#others.get(key) ?? [];
      let at = looked.get(key) ?? 0;
      while (at < found.length && used.has(found[at]!)) at += 1;
      looked.set(key, at);
      return found[at];
    };
    // What was told first: else what this source lacked could answer, when it is asked again, for what it did not lack.
    const take = (...keys: readonly string[]): boolean => {
      const [told] = keys.flatMap((key) => next(key) ?? []).toSorted((a, b) => a.at - b.at);
      if (told !== undefined) used.add(told);
      return told !== undefined;
    };
    const isTold = (event: RunEvent): boolean => {
      const call = callOf(event);
      if (call !== undefined) return this.#calls.has(call);
      const { entry } = event;
      if (entry === undefined) return take(textKey(event));
      // Two entries are two events, however alike they are.
      return take(entryKey(event, entry), nowhereKey(event));
    };
    return (event) => {
      if (isPiece(event) || isTold(event)) return false;
      used.add(this.#add(event));
      return true;
    };
  }
}

/** An event that was told, in the order of the telling: it answers for one of each source. */
interface Told {
  readonly at: number;
}

function isPiece(event: RunEvent): boolean {
  return "partial" in event && event.partial === true;
}

/** What names an event for good, however often it is told. */
function callOf(event: RunEvent): string | undefined {
  if (event.type === "tool_call" || event.type === "tool_summary") return `${event.type} ${event.call}`;
  return event.type === "usage" ? `usage ${event.key}` : undefined;
}

function entryKey({ type }: RunEvent, entry: string): string {
  return `in ${type} ${entry}`;
}

function textKey(event: RunEvent): string {
  return `as ${event.type} ${blockHash([wordsOf(event)])}`;
}

/** Of an event that names no entry. */
function nowhereKey(event: RunEvent): string {
  return `nowhere ${textKey(event)}`;
}

function wordsOf(event: RunEvent): string {
  if (event.type === "status") return event.status;
  if (event.type === "error") return event.message;
  if (event.type === "tool_progress") return `${event.call} ${event.text}`;
  // Tool calls, their results and responses are known by their names.
  return (event as Extract<RunEvent, { readonly text: string }>).text;
}
