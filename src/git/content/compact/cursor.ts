import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";
import { blocksOf } from "./claude.ts";
import { withoutContextTags } from "./context-tags.ts";
import {
  type CompactBlock,
  type CompactPart,
  type CompactResult,
  type CompactSource,
  resultOf,
  toolUse,
} from "./lines.ts";

/** Cursor's transcript: `{role, message: {content}}` a line, and no tokens (section 15). */
export const cursorSource: CompactSource = { agent: "cursor", part: cursorPart };

function cursorPart(line: Fields): CompactPart {
  const role = line["role"];
  const message = fieldsOf(line["message"]) ?? line;
  const blocks = blocksOf(message["content"]);
  const results = blocks.flatMap((block) => resultIn(block) ?? []);
  if (role !== "user" && role !== "assistant") return { results };
  const id = textOf(line["id"]) ?? textOf(message["id"]);
  const content = blocks
    .map((block) => (role === "user" ? userBlock(block, id) : assistantBlock(block)))
    .filter((block) => block !== undefined);
  if (content.length === 0) return { results };
  const ts = textOf(line["timestamp"]);
  return { messages: [{ type: role, ts, ...(role === "assistant" ? { id } : {}), content }], results };
}

function userBlock(block: Fields, id: string | undefined): CompactBlock | undefined {
  if (block["type"] === "image") return block;
  const text = block["type"] === "text" ? withoutContextTags(textOf(block["text"]) ?? "") : "";
  return text === "" ? undefined : { ...(id === undefined ? {} : { id }), text };
}

function assistantBlock(block: Fields): CompactBlock | undefined {
  const [type, text] = [block["type"], textOf(block["text"])];
  if (type === "image") return block;
  if (type === "text") return text === undefined || text === "" ? undefined : { type, text };
  const name = textOf(block["name"]) ?? textOf(block["toolName"]);
  if ((type !== "tool_use" && type !== "tool-call") || name === undefined) return undefined;
  return toolUse(textOf(block["id"]) ?? textOf(block["toolCallId"]), name, block["input"] ?? block["args"]);
}

function resultIn(block: Fields): CompactResult | undefined {
  const type = block["type"];
  const toolUseId = textOf(block["tool_use_id"]) ?? textOf(block["toolCallId"]);
  if ((type !== "tool_result" && type !== "tool-result") || toolUseId === undefined) return undefined;
  const told = block["content"] ?? block["result"];
  const output =
    textOf(told) ??
    blocksOf(told)
      .flatMap((part) => textOf(part["text"]) ?? [])
      .join("\n");
  return { toolUseId, result: resultOf(output, block["is_error"] === true ? "error" : "success") };
}
