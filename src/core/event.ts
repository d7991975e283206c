import type { EntryInput } from "./entry.ts";
import { HoldfastError } from "./errors.ts";
import { type Fields, fieldsOf, objectIn, textOf } from "./json.ts";
import type { Tokens } from "./usage.ts";

/** What happened in a run, as one entry of its log `@run/<id>`; fields beyond these are kept as they are. */
export type RunEvent = EventFrame &
  (
    | { readonly type: "user"; readonly text: string }
    | ({ readonly type: "assistant" | "thinking" } & Spoken)
    | ToolCallEvent
    | { readonly type: "tool_progress"; readonly call: string; readonly text: string }
    | ToolSummaryEvent
    | UsageEvent
    | StatusEvent
    | NoticeEvent
    | ResultEvent
    | { readonly type: "error"; readonly message: string; readonly code?: string }
  );

export type RunEventType = RunEvent["type"];

/** An event that happens now: only of such a one anything is done, counted or captured. */
export type LiveEvent = RunEvent & { readonly replayed?: never };

/** An event of an earlier run that is shown again: it is there to be looked at, and for nothing else. */
export type ReplayedEvent = RunEvent & { readonly replayed: true };

/** An event as it is told to others: whose it is, where it stands in its run's log, and how far it can be relied on. */
export interface EventEnvelope {
  readonly run: string;
  /** In the run's log: what a reader goes on from. */
  readonly seq: number;
  readonly atMs: number;
  /** False until the run's boundary: then it may still be put aside. */
  readonly committed: boolean;
  readonly replayed: boolean;
  readonly event: RunEvent;
}

/** What every event may carry. */
export interface EventFrame {
  /** It happened in an earlier run and is only shown again: nothing may be done, counted or captured because of it. */
  readonly replayed?: true;
  /** The tool call whose subagent it comes from. */
  readonly parent?: string;
  /** The uuid of the transcript entry that holds the same. */
  readonly entry?: string;
}

/** An assistant's words or thoughts. */
export interface Spoken {
  readonly text: string;
  /** A piece, which a later event gives again as a part of the whole. */
  readonly partial?: true;
}

export interface ToolCallEvent {
  readonly type: "tool_call";
  /** The provider's id of the call. */
  readonly call: string;
  readonly name: string;
  readonly input?: unknown;
  /** The key of its step in the journal: a call that has one is never started before the journal says so. */
  readonly step?: string;
}

export interface ToolSummaryEvent {
  readonly type: "tool_summary";
  readonly call: string;
  readonly ok: boolean;
  readonly text: string;
}

/** What one response of the provider used. */
export interface UsageEvent {
  readonly type: "usage";
  /** As in the ledger: see `usageKey`. */
  readonly key: string;
  readonly model: string;
  readonly tokens: Tokens;
}

export interface StatusEvent {
  readonly type: "status";
  readonly status: string;
  /** The token that the session is to be resumed with from now on. */
  readonly resume?: string;
  /** Of `replay_started`: the run that the replayed events are from. */
  readonly of?: string;
  /** What the turn runs with, such as its model and folder: the next turn begins with the same. */
  readonly settings?: Fields;
  /** The process that does the work, by which it can be told apart after its host has died. */
  readonly process?: ProcessIdentity;
}

/** Names one process for good: a pid is given again, a pid with its start is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it was started, in the words of its own system. */
  readonly started: string;
  /** The machine, and the time since that was started: a pid means nothing elsewhere. */
  readonly host: string;
  /** Where it writes, if that outlives it. */
  readonly folder?: string;
  /** Stands in its environment, and in that of all it has started. */
  readonly marker?: string;
}

/** What is none of the others; an event of a type that is not known is read as one, with all of it in `raw`. */
export interface NoticeEvent {
  readonly type: "notice";
  readonly text: string;
  readonly raw?: unknown;
}

/** The run's own terminal: the agent is done, well or not. Nothing comes behind it. */
export interface ResultEvent {
  readonly type: "result";
  readonly ok: boolean;
  readonly text: string;
  /** Why it ended, in the provider's word. */
  readonly stop?: string;
  /** How many entries the run had given for each log before it. */
  readonly staged?: Readonly<Record<string, number>>;
}

/** An entry of a run's log, read; `fault` says in words why it is no event. */
export type ReadEvent =
  | { readonly event: RunEvent; readonly run: string | undefined }
  | { readonly fault: string };

/** An event as an entry that names its run. @throws invalid_entry when it could not be read again */
export function eventEntry(params: {
  readonly run: string;
  readonly event: RunEvent;
  readonly uuid?: string;
}): EntryInput {
  const { run, event, uuid } = params;
  const body = bodyOf(run, event);
  const fault = isKnownType(event.type)
    ? faultOf(event as unknown as Fields)
    : "has a type that is not known";
  if (fault !== undefined) throw invalidEvent(fault);
  return uuid === undefined ? { body } : { body, uuid };
}

/** Reads an entry's body; total: an unknown type passes as a notice, and what is damaged is said, not thrown. */
export function readEvent(body: string): ReadEvent {
  const fields = objectIn(body);
  if (fields === undefined) return { fault: "is no JSON object" };
  const { run, ...rest } = fields;
  if (run !== undefined && typeof run !== "string") return { fault: "names its run by no text" };
  if (typeof rest["type"] !== "string" || rest["type"] === "") return { fault: "has no type" };
  if (!isKnownType(rest["type"])) return { event: noticeOf(rest), run };
  const fault = faultOf(rest);
  return fault === undefined ? { event: rest as unknown as RunEvent, run } : { fault };
}

/** Whether an event ends its run: a subagent's result, or one that is only shown again, does not. */
export function isTerminal(event: RunEvent): event is ResultEvent & EventFrame {
  return event.type === "result" && event.replayed !== true && event.parent === undefined;
}

/** Whether an event happens now, and is not only shown again. */
export function isLive(event: RunEvent): event is LiveEvent {
  return event.replayed === undefined;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isTrue: Check = (value) => value === true;
const isAny: Check = () => true;
const isObject: Check = (value) => fieldsOf(value) !== undefined;
const isProcess: Check = (value) => {
  const { pid, started, host, folder, marker } = fieldsOf(value) ?? {};
  const mayBe = [folder, marker].every((text) => text === undefined || isText(text));
  return isCount(pid) && isText(started) && isText(host) && mayBe;
};
const isTokens: Check = (value) => {
  const fields = fieldsOf(value);
  return fields !== undefined && tokenKinds.every((kind) => isCount(fields[kind]));
};

const isCounts: Check = (value) => Object.values(fieldsOf(value) ?? { none: -1 }).every(isCount);

const tokenKinds = [
  "input",
  "output",
  "cacheRead",
  "cacheWrite5m",
  "cacheWrite1h",
] as const satisfies readonly (keyof Tokens)[];

interface Shape {
  readonly has: Readonly<Record<string, Check>>;
  readonly may?: Readonly<Record<string, Check>>;
}

const frame: Readonly<Record<string, Check>> = { replayed: isTrue, parent: isText, entry: isText };
const spoken: Shape = { has: { text: isText }, may: { partial: isTrue } };

const shapes: Readonly<Record<RunEventType, Shape>> = {
  user: { has: { text: isText } },
  assistant: spoken,
  thinking: spoken,
  tool_call: { has: { call: isText, name: isText }, may: { input: isAny, step: isText } },
  tool_progress: { has: { call: isText, text: isText } },
  tool_summary: { has: { call: isText, ok: isFlag, text: isText } },
  usage: { has: { key: isText, model: isText, tokens: isTokens } },
  status: {
    has: { status: isText },
    may: { resume: isText, of: isText, settings: isObject, process: isProcess },
  },
  notice: { has: { text: isText }, may: { raw: isAny } },
  result: { has: { ok: isFlag, text: isText }, may: { stop: isText, staged: isCounts } },
  error: { has: { message: isText }, may: { code: isText } },
};

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isKnownType(type: string): type is RunEventType {
  return Object.hasOwn(shapes, type);
}

function faultOf(fields: Fields): string | undefined {
  const { has, may } = shapes[fields["type"] as RunEventType];
  for (const [name, check] of Object.entries(has)) if (!check(fields[name])) return wrong(name);
  for (const [name, check] of Object.entries({ ...may, ...frame })) {
    if (fields[name] !== undefined && !check(fields[name])) return wrong(name);
  }
  return undefined;
}

function wrong(name: string): string {
  return `has a wrong ${name}`;
}

function noticeOf(raw: Fields): RunEvent {
  const text = textOf(raw["text"]) ?? textOf(raw["message"]) ?? `${raw["type"] as string}`;
  const { parent, entry } = raw;
  return {
    type: "notice",
    text,
    raw,
    ...(raw["replayed"] === true && { replayed: true }),
    ...(typeof parent === "string" && { parent }),
    ...(typeof entry === "string" && { entry }),
  };
}

function bodyOf(run: string, event: RunEvent): string {
  try {
    const { type, ...rest } = event;
    return JSON.stringify({ type, ...rest, run });
  } catch (cause) {
    throw invalidEvent("has no JSON form", cause);
  }
}

function invalidEvent(fault: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "invalid_entry",
    message: `The run event ${fault}.`,
    next: "Correct the agent that made it; the event was not stored.",
    ...(cause !== undefined && { cause }),
  });
}
