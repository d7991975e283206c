import type { Entry } from "../core/entry.ts";
import { readEvent } from "../core/event.ts";
import { isOwnLog, type SessionKey } from "../core/ids.ts";
import { type Fields, fieldsOf, objectIn, textOf } from "../core/json.ts";
import type { Change } from "../core/store.ts";
import type { UsageRow } from "../core/usage.ts";
import type { Counts } from "./tally.ts";

/** Reads the transcripts of one provider, which are in the shape of Claude's. */
export interface TranscriptReader {
  readonly provider: string;
  /** What the responses in these entries used; absent where the run events tell it. */
  readonly usageOf?: (
    entries: readonly Pick<Entry, "body" | "atMs">[],
    session: SessionKey,
  ) => readonly UsageRow[];
}

/** What an entry adds to its session's statistics, by the log that it is in; with a reader the transcript counts. */
export function readEntry(change: Change, entry: Entry, reader: TranscriptReader | undefined): Counts {
  const { project, session, log = "" } = change;
  if (isOwnLog(log)) return inEvents(entry.body, reader);
  const transcript = reader === undefined ? nothing : inTranscript(entry.body, log);
  const responses = reader?.usageOf?.([entry], { project, session }) ?? [];
  return { ...transcript, responses, atMs: entry.atMs };
}

const nothing: Counts = { turns: 0, toolCalls: 0, files: [], responses: [] };

function inTranscript(body: string, log: string): Counts {
  const fields = objectIn(body);
  if (fields?.["type"] === "assistant") {
    const calls = blocksOf(fields).filter(({ type }) => type === "tool_use");
    const files = calls.flatMap(({ name, input }) => fileOf(name, input));
    return { ...nothing, toolCalls: calls.length, files };
  }
  const isTurn = log === "" && fields?.["type"] === "user" && isPrompt(fields);
  return isTurn ? { ...nothing, turns: 1 } : nothing;
}

// What is replayed was counted when it happened.
function inEvents(body: string, reader: TranscriptReader | undefined): Counts {
  const read = readEvent(body);
  if ("fault" in read || read.event.replayed === true) return nothing;
  const { event } = read;
  if (event.type === "usage" && reader?.usageOf === undefined) return { ...nothing, responses: [event] };
  if (reader !== undefined) return nothing;
  if (event.type === "user" && event.parent === undefined) return { ...nothing, turns: 1 };
  if (event.type !== "tool_call") return nothing;
  return { ...nothing, toolCalls: 1, files: fileOf(event.name, event.input) };
}

function isPrompt(fields: Fields): boolean {
  const isMarked = [fields["isMeta"], fields["isCompactSummary"], fields["isSidechain"]].includes(true);
  const blocks = blocksOf(fields);
  if (isMarked || blocks.some(({ type }) => type === "tool_result")) return false;
  return blocks.some(({ type, text }) => type !== "text" || !isAgentsOwn(text));
}

// Commands and reminders begin with a tag; an interruption is written in the user's name.
function isAgentsOwn(text: unknown): boolean {
  return typeof text !== "string" || text.startsWith("<") || text.startsWith("[Request interrupted by user");
}

function blocksOf(fields: Fields): readonly Fields[] {
  const content = fieldsOf(fields["message"])?.["content"];
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.map(fieldsOf).filter((block) => block !== undefined) : [];
}

/** The file that a call of a writing tool is for. */
function fileOf(name: unknown, input: unknown): readonly string[] {
  const field =
    typeof name === "string" && Object.hasOwn(writingTools, name) ? writingTools[name] : undefined;
  const path = field === undefined ? undefined : textOf(fieldsOf(input)?.[field]);
  return path === undefined ? [] : [path];
}

const writingTools: Readonly<Record<string, string>> = {
  Write: "file_path",
  Edit: "file_path",
  MultiEdit: "file_path",
  NotebookEdit: "notebook_path",
};
