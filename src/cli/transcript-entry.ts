import { blocksOfTags } from "./command-tags.ts";

/** One thing that a reader of a transcript sees. */
export type Block =
  | { readonly kind: "user"; readonly text: string }
  | { readonly kind: "assistant"; readonly text: string }
  | { readonly kind: "thinking"; readonly length: number }
  | { readonly kind: "call"; readonly id: string; readonly name: string; readonly detail: string }
  | {
      readonly kind: "result";
      readonly call: string;
      readonly text: string;
      readonly failed: boolean;
      readonly agent?: string;
    }
  /** What a command of the user's own printed. */
  | { readonly kind: "output"; readonly text: string; readonly failed: boolean }
  /** `major` divides the conversation. */
  | { readonly kind: "notice"; readonly text: string; readonly major?: true };

/** What came back from a tool call. */
export type Result = Extract<Block, { readonly kind: "result" }>;

/** Reads what is to be shown from one stored entry; unknown kinds give nothing, because the union grows with every release. */
export function blocksOf(body: string): Block[] {
  const entry = parse(body);
  if (entry === undefined) return [{ kind: "notice", text: "an entry that is not JSON" }];
  if (entry["type"] === "system") return noticesOf(entry);
  if (entry["isMeta"] === true) return [];
  if (entry["type"] !== "user" && entry["type"] !== "assistant") return [];
  const content = recordOf(entry["message"])["content"];
  const parts = typeof content === "string" ? [{ type: "text", text: content }] : listOf(content);
  return parts.flatMap((part) => blocksOfPart(recordOf(part), entry));
}

/** The id of the tool call that an entry of a subagent's log says it was started by. */
export function startingCallOf(body: string): string | undefined {
  if (!body.includes('"agent_metadata"')) return undefined;
  const entry = parse(body);
  return entry?.["type"] === "agent_metadata" ? textOf(entry["toolUseId"]) : undefined;
}

type Json = Readonly<Record<string, unknown>>;

function noticesOf(entry: Json): Block[] {
  if (entry["subtype"] === "compact_boundary")
    return [{ kind: "notice", text: "conversation compacted", major: true }];
  const text = textOf(entry["content"]);
  if (text === undefined || entry["isMeta"] === true) return [];
  const { blocks, rest } = blocksOfTags(text);
  return [...blocks, ...(rest.trim() === "" ? [] : [{ kind: "notice" as const, text: rest }])];
}

function blocksOfPart(part: Json, entry: Json): Block[] {
  switch (part["type"]) {
    case "text":
      return entry["type"] === "user"
        ? userBlocks(textOf(part["text"]) ?? "")
        : textBlocks("assistant", textOf(part["text"]) ?? "");
    case "thinking":
      return [{ kind: "thinking", length: (textOf(part["thinking"]) ?? "").length }];
    case "tool_use":
    case "server_tool_use":
      return [callOf(part)];
    case "tool_result":
      return [resultOf(part, recordOf(entry["toolUseResult"]))];
    case "image":
    case "document":
      return [{ kind: "notice", text: `${String(part["type"])} not shown` }];
    default:
      return [];
  }
}

function userBlocks(text: string): Block[] {
  const { blocks, rest } = blocksOfTags(text);
  return [...blocks, ...textBlocks("user", rest)];
}

function textBlocks(kind: "user" | "assistant", text: string): Block[] {
  const shown = text.replace(/<system-reminder>[^]*?<\/system-reminder>/g, "").trim();
  return shown === "" ? [] : [{ kind, text: shown }];
}

function callOf(part: Json): Block {
  const name = textOf(part["name"]) ?? "tool";
  return { kind: "call", id: textOf(part["id"]) ?? "", name, detail: callDetail(part["input"]) };
}

/** What a person would ask first about a call: which command, which file, which pattern. */
export function callDetail(given: unknown): string {
  const input = recordOf(given);
  for (const key of telling) {
    const value = textOf(input[key]);
    if (value !== undefined && value !== "") return value;
  }
  return Object.keys(input).length === 0 ? "" : JSON.stringify(input);
}

const telling = [
  "command",
  "file_path",
  "notebook_path",
  "pattern",
  "url",
  "query",
  "description",
  "prompt",
  "path",
  "skill",
];

function resultOf(part: Json, toolUseResult: Json): Block {
  const content = part["content"];
  const texts = listOf(content).map((piece) => textOf(recordOf(piece)["text"]) ?? "");
  const text = typeof content === "string" ? content : texts.filter((piece) => piece !== "").join("\n");
  const agent = textOf(toolUseResult["agentId"]);
  return {
    kind: "result",
    call: textOf(part["tool_use_id"]) ?? "",
    text,
    failed: part["is_error"] === true,
    ...(agent === undefined ? {} : { agent }),
  };
}

function parse(body: string): Json | undefined {
  try {
    return recordOf(JSON.parse(body));
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
