import { type Fields, fieldsOf, objectIn, textOf } from "./json.ts";

/** Something said in a transcript, by the user or by the agent, or given back by a tool. */
export interface Said {
  readonly role: "user" | "assistant";
  readonly uuid: string | undefined;
  /** The id of the model's answer that an assistant's entry is a part of. */
  readonly answer: string | undefined;
  readonly toolCalls: readonly string[];
  readonly toolResults: readonly string[];
  readonly fields: Fields;
}

/** A stretch of a transcript, as far as its provider's shape is known. */
export interface Transcript {
  readonly said: readonly Said[];
  /** The uuid of the last entry that another may follow. */
  readonly leaf: string | undefined;
  /** How many entries are no JSON objects. */
  readonly unreadable: number;
}

/** Reads the entries of a main log; of a provider that is not known nothing was said. */
export function readTranscript(provider: string, bodies: readonly string[]): Transcript {
  const objects = bodies.map(objectIn);
  const unreadable = objects.filter((fields) => fields === undefined).length;
  if (!isReadableProvider(provider)) return { said: [], leaf: undefined, unreadable };
  // Old versions kept a subagent's words in the main log, beside the conversation.
  const readable = objects.filter((fields) => fields !== undefined);
  const main = readable.filter((fields) => fields["isSidechain"] !== true);
  const linked = main.findLast((fields) => "parentUuid" in fields && textOf(fields["uuid"]) !== undefined);
  return {
    said: main.flatMap((fields) => saidIn(fields) ?? []),
    leaf: textOf(linked?.["uuid"]),
    unreadable,
  };
}

/** The tool calls that have no result, in order, each once. */
export function openCalls({ said }: Transcript): readonly string[] {
  const answered = new Set(said.flatMap(({ toolResults }) => toolResults));
  return [...new Set(said.flatMap(({ toolCalls }) => toolCalls))].filter((call) => !answered.has(call));
}

/** The results of calls that were never made. */
export function orphanResults({ said }: Transcript): readonly string[] {
  const made = new Set(said.flatMap(({ toolCalls }) => toolCalls));
  return said.flatMap(({ toolResults }) => toolResults).filter((call) => !made.has(call));
}

function isReadableProvider(provider: string): boolean {
  return provider === "claude-code" || provider === "scripted";
}

function saidIn(fields: Fields): Said | undefined {
  const { type } = fields;
  if (type !== "user" && type !== "assistant") return undefined;
  const message = fieldsOf(fields["message"]);
  const blocks = blocksIn(message);
  return {
    role: type,
    uuid: textOf(fields["uuid"]),
    answer: type === "assistant" ? textOf(message?.["id"]) : undefined,
    toolCalls: type === "assistant" ? idsIn(blocks, "tool_use", "id") : [],
    toolResults: type === "user" ? idsIn(blocks, "tool_result", "tool_use_id") : [],
    fields,
  };
}

function blocksIn(message: Fields | undefined): readonly Fields[] {
  const content = message?.["content"];
  return Array.isArray(content) ? content.map(fieldsOf).filter((block) => block !== undefined) : [];
}

function idsIn(blocks: readonly Fields[], type: string, field: string): readonly string[] {
  return blocks.filter((block) => block["type"] === type).flatMap((block) => textOf(block[field]) ?? []);
}
