import { isTerminal, readEvent, type ResultEvent, type RunEvent } from "./event.ts";
import { eventLog, type Run, type TailPart } from "./run.ts";
import { stepLog, type StepJournal, unknownSteps } from "./steps.ts";
import { openCalls, orphanResults, readTranscript } from "./transcript.ts";

/** What a dead run has left, read whole and up to `parts`; bodies in their order. */
export interface TailFacts {
  readonly run: Pick<Run, "id" | "input">;
  readonly provider: string;
  readonly parts: readonly TailPart[];
  /** Staged in the run's own log. */
  readonly events: readonly string[];
  /** Staged in the main log. */
  readonly entries: readonly string[];
  /** The input's steps, over all its runs. */
  readonly journal: StepJournal;
}

/** Exactly one for each tail, true only of its `parts`: who acts on it passes them on, and another tail is refused. */
export type TailVerdict =
  | { readonly verdict: "commit"; readonly parts: readonly TailPart[]; readonly outcome: string }
  | { readonly verdict: "interrupt"; readonly parts: readonly TailPart[] }
  | ({ readonly verdict: "hold"; readonly parts: readonly TailPart[] } & Doubt);

/** Why nobody but an operator may decide. */
interface Doubt {
  readonly reason: HoldReason;
  readonly message: string;
}

export type HoldReason =
  | "tail_unread"
  | "tail_incomplete"
  | "event_undecodable"
  | "event_foreign"
  | "entry_undecodable"
  | "step_undecodable"
  | "step_unknown"
  | "result_orphan"
  | "after_terminal"
  | "call_open";

/** Decides what a dead run's tail is: done (`commit`), stopped in the middle (`interrupt`), or not to be told (`hold`). */
export function classifyTail(facts: TailFacts): TailVerdict {
  const { parts } = facts;
  const read = readFacts(facts);
  const doubt = doubts(read).find((found) => found !== undefined);
  if (doubt !== undefined) return { verdict: "hold", parts, ...doubt };
  const outcome = facts.events.at(-1);
  if (read.terminal === undefined || outcome === undefined) return { verdict: "interrupt", parts };
  return { verdict: "commit", parts, outcome };
}

interface ReadFacts extends TailFacts {
  readonly faults: readonly string[];
  /** The run's own; what is replayed in it tells nothing about it. */
  readonly live: readonly { readonly event: RunEvent; readonly run: string | undefined }[];
  readonly terminal: ResultEvent | undefined;
  readonly behindTerminal: number;
  readonly openCalls: readonly string[];
  readonly orphans: readonly string[];
  readonly unreadable: number;
}

function readFacts(facts: TailFacts): ReadFacts {
  const read = facts.events.map(readEvent);
  const live = read.flatMap((one) => ("event" in one && one.event.replayed !== true ? [one] : []));
  const transcript = readTranscript(facts.provider, facts.entries);
  const calls = callsOf(live.map(({ event }) => event));
  const at = read.findIndex((one) => "event" in one && isTerminal(one.event));
  return {
    ...facts,
    faults: read.flatMap((one) => ("fault" in one ? [one.fault] : [])),
    live,
    terminal: live.map(({ event }) => event).find(isTerminal),
    behindTerminal: at === -1 ? 0 : read.length - 1 - at,
    openCalls: [...openCalls(transcript), ...calls.open],
    orphans: [...orphanResults(transcript), ...calls.orphans],
    unreadable: transcript.unreadable,
  };
}

function callsOf(events: readonly RunEvent[]): {
  readonly open: readonly string[];
  readonly orphans: readonly string[];
} {
  const made = new Set(events.flatMap((event) => (event.type === "tool_call" ? [event.call] : [])));
  const ended = new Set(events.flatMap((event) => (event.type === "tool_summary" ? [event.call] : [])));
  return {
    open: [...made].filter((call) => !ended.has(call)),
    orphans: [...ended].filter((call) => !made.has(call)),
  };
}

/** All that could speak against deciding, what damages the evidence itself first. */
function doubts(facts: ReadFacts): readonly (Doubt | undefined)[] {
  const { run, faults, unreadable, journal, orphans, behindTerminal } = facts;
  const unknown = unknownSteps(journal, run.id);
  const open = facts.terminal === undefined ? [] : facts.openCalls;
  return [
    ofUnread(facts),
    ofIncomplete(facts),
    ofGrown(facts),
    doubt("event_undecodable", faults.length, `An event of the run ${faults[0]}.`),
    ofForeign(facts),
    doubt("entry_undecodable", unreadable, `${unreadable} staged entries are no JSON objects.`),
    doubt(
      "step_undecodable",
      journal.damaged,
      `${journal.damaged} entries of the step journal cannot be read.`,
    ),
    doubt("step_unknown", unknown.length, `Whether the step ${unknown[0]?.name} took effect is not known.`),
    doubt("result_orphan", orphans.length, `The result ${orphans[0]} belongs to no tool call of the run.`),
    doubt("after_terminal", behindTerminal, `${behindTerminal} events follow the run's own result.`),
    doubt("call_open", open.length, `The run ended, but its tool call ${open[0]} has no result.`),
  ];
}

function doubt(reason: HoldReason, count: number, message: string): Doubt | undefined {
  return count === 0 ? undefined : { reason, message };
}

// A page that was not read could hold the terminal, or what follows it.
function ofUnread({ run, parts, events, entries }: ReadFacts): Doubt | undefined {
  const unread = sizeOf(parts, eventLog(run.id)) !== events.length || sizeOf(parts, "") !== entries.length;
  return doubt(
    "tail_unread",
    unread ? 1 : 0,
    "What was read of the tail is not what the tail says it holds.",
  );
}

// The appends of one moment may have come in one by one. The result itself is none of what came before it.
function ofIncomplete({ run, parts, terminal, behindTerminal }: ReadFacts): Doubt | undefined {
  const given = (log: string): number =>
    sizeOf(parts, log) - (log === eventLog(run.id) ? 1 + behindTerminal : 0);
  const short = Object.entries(terminal?.staged ?? {}).find(([log, count]) => given(log) < count);
  return short && doubt("tail_incomplete", 1, `The run gave ${short[1]} entries for the log "${short[0]}".`);
}

// What was staged behind the result is not what the run ended with.
function ofGrown({ parts, terminal }: ReadFacts): Doubt | undefined {
  const given = terminal?.staged?.[""];
  const more = given === undefined ? 0 : sizeOf(parts, "") - given;
  return doubt(
    "after_terminal",
    Math.max(0, more),
    `${more} entries follow what the run gave for its transcript.`,
  );
}

function sizeOf(parts: readonly TailPart[], log: string): number {
  return parts.filter((part) => part.log === log).reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

function ofForeign({ run, parts, live }: ReadFacts): Doubt | undefined {
  const logs = parts.map(({ log }) => log).filter((log) => isOf(log, eventLog("")) || isOf(log, stepLog("")));
  const foreign = logs.find((log) => log !== eventLog(run.id) && log !== stepLog(run.input));
  if (foreign !== undefined)
    return doubt("event_foreign", 1, `The tail holds ${foreign}, which is not the run's.`);
  const other = live.find((one) => one.run !== run.id);
  return (
    other &&
    doubt(
      "event_foreign",
      1,
      `An event is of ${other.run === undefined ? "no run" : `the run ${other.run}`}.`,
    )
  );
}

function isOf(log: string, prefix: string): boolean {
  return log.startsWith(prefix);
}
