import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";
import { withoutContextTags } from "./context-tags.ts";
import {
  type CompactBlock,
  type CompactPart,
  type CompactResult,
  type CompactSource,
  resultOf,
  toolUse,
} from "./lines.ts";

/** Claude Code's transcript, and those of agents that write the same lines. */
export const claudeSource: CompactSource = { agent: "claude-code", part: claudePart };

function claudePart(line: Fields): CompactPart {
  const message = fieldsOf(line["message"]);
  if (message === undefined || line["isMeta"] === true) return {};
  if (line["type"] === "user") return userPart(line, message);
  return line["type"] === "assistant" ? assistantPart(line, message) : {};
}

function userPart(line: Fields, message: Fields): CompactPart {
  const id = textOf(line["uuid"]);
  const blocks = blocksOf(message["content"]);
  const results = blocks.flatMap((block) => resultIn(block, line["toolUseResult"]) ?? []);
  const content = blocks.map((block) => userBlock(block, id)).filter((block) => block !== undefined);
  if (content.length === 0) return { results };
  return { messages: [{ type: "user", ts: textOf(line["timestamp"]), content }], results };
}

function userBlock(block: Fields, id: string | undefined): CompactBlock | undefined {
  if (block["type"] === "image") return block;
  if (block["type"] !== "text") return undefined;
  const text = withoutContextTags(textOf(block["text"]) ?? "");
  return text === "" ? undefined : { ...(id === undefined ? {} : { id }), text };
}

function assistantPart(line: Fields, message: Fields): CompactPart {
  const usage = fieldsOf(message["usage"]);
  const content = blocksOf(message["content"])
    .map(assistantBlock)
    .filter((block) => block !== undefined);
  const told = { ts: textOf(line["timestamp"]), id: textOf(message["id"]), content };
  const tokens = {
    inputTokens: countOf(usage?.["input_tokens"]),
    outputTokens: countOf(usage?.["output_tokens"]),
  };
  return { messages: [{ type: "assistant", ...told, ...tokens }] };
}

/** Thinking is left out, and whatever a newer agent may write. */
function assistantBlock(block: Fields): CompactBlock | undefined {
  if (block["type"] === "image") return block;
  if (block["type"] === "text") {
    const text = textOf(block["text"]);
    return text === undefined || text === "" ? undefined : { type: "text", text };
  }
  const name = textOf(block["name"]);
  return block["type"] === "tool_use" && name !== undefined
    ? toolUse(textOf(block["id"]), name, block["input"])
    : undefined;
}

function resultIn(block: Fields, told: unknown): CompactResult | undefined {
  const toolUseId = textOf(block["tool_use_id"]);
  if (block["type"] !== "tool_result" || toolUseId === undefined) return undefined;
  const output = blocksOf(block["content"])
    .flatMap((part) => textOf(part["text"]) ?? [])
    .join("\n");
  return {
    toolUseId,
    result: resultOf(output, block["is_error"] === true ? "error" : "success", moreOf(told)),
  };
}

/** What the agent keeps beside a result: the file that was read or written, and how much was found. */
function moreOf(told: unknown): Fields {
  const fields = fieldsOf(told);
  const file = fieldsOf(fields?.["file"]) ?? fields;
  const filePath = textOf(file?.["filePath"]);
  const numLines = countOf(file?.["numLines"]);
  const matchCount = countOf(fields?.["numMatches"] ?? fields?.["numFiles"]);
  return {
    ...(filePath === undefined
      ? {}
      : { file: { filePath, ...(numLines === undefined ? {} : { numLines }) } }),
    ...(matchCount === undefined ? {} : { matchCount }),
  };
}

/** A message's content as blocks; a text alone is one. */
export function blocksOf(content: unknown): readonly Fields[] {
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.map(fieldsOf).filter((block) => block !== undefined) : [];
}

function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}
