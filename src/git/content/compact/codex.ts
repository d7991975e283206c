import { type Fields, fieldsOf, objectIn, textOf } from "../../../core/json.ts";
import { withoutContextTags } from "./context-tags.ts";
import { type CompactBlock, type CompactPart, type CompactSource, resultOf, toolUse } from "./lines.ts";

/** Codex' rollout: `{timestamp, type, payload}`; only its response items are messages, the events tell them again. */
export const codexSource: CompactSource = { agent: "codex", part: codexPart };

function codexPart(line: Fields): CompactPart {
  const payload = fieldsOf(line["payload"]);
  if (line["type"] !== "response_item" || payload === undefined) return {};
  const ts = textOf(line["timestamp"]);
  const kind = textOf(payload["type"]) ?? "";
  if (kind === "message") return messagePart(payload, ts);
  if (kind.endsWith("_output")) return outputPart(payload);
  const block = callBlock(kind, payload);
  return block === undefined ? {} : { messages: [{ type: "assistant", ts, content: [block] }] };
}

function messagePart(payload: Fields, ts: string | undefined): CompactPart {
  const type = payload["role"];
  if (type !== "user" && type !== "assistant") return {};
  const id = textOf(payload["id"]);
  const parts = Array.isArray(payload["content"]) ? payload["content"] : [];
  const content = parts
    .map((part) => contentBlock(fieldsOf(part) ?? {}, type, id))
    .filter((block) => block !== undefined);
  if (content.length === 0) return {};
  return { messages: [{ type, ts, ...(type === "assistant" ? { id } : {}), content }] };
}

function contentBlock(
  part: Fields,
  type: "user" | "assistant",
  id: string | undefined,
): CompactBlock | undefined {
  if (part["type"] === "input_image") return part;
  const text = textOf(part["text"]);
  if (text === undefined) return undefined;
  if (type === "assistant") return text === "" ? undefined : { type: "text", text };
  const said = withoutContextTags(text);
  // Codex gives the project's instructions to the model as if the user had said them.
  if (
    said === "" ||
    /^(?:# AGENTS\.md instructions|<user_instructions>|<permissions instructions>)/.test(said)
  )
    return undefined;
  return { ...(id === undefined ? {} : { id }), text: said };
}

function callBlock(kind: string, payload: Fields): CompactBlock | undefined {
  const id = textOf(payload["call_id"]) ?? textOf(payload["id"]);
  const name = textOf(payload["name"]);
  if (kind === "function_call" && name !== undefined) {
    const told = textOf(payload["arguments"]) ?? "";
    return toolUse(id, name, objectIn(told) ?? { arguments: told });
  }
  if (kind === "custom_tool_call" && name !== undefined)
    return toolUse(id, name, { input: payload["input"] });
  if (kind === "local_shell_call") return toolUse(id, "local_shell", payload["action"]);
  if (kind === "web_search_call") return toolUse(id, "web_search", payload["action"]);
  return undefined;
}

function outputPart(payload: Fields): CompactPart {
  const toolUseId = textOf(payload["call_id"]);
  if (toolUseId === undefined) return {};
  const output = textOf(payload["output"]);
  const told = output === undefined ? fieldsOf(payload["output"]) : objectIn(output);
  const exitCode = fieldsOf(told?.["metadata"])?.["exit_code"];
  const failed = (typeof exitCode === "number" && exitCode !== 0) || told?.["success"] === false;
  const text = textOf(told?.["output"]) ?? textOf(told?.["content"]) ?? output ?? textsIn(payload["output"]);
  return { results: [{ toolUseId, result: resultOf(text, failed ? "error" : "success") }] };
}

function textsIn(parts: unknown): string | undefined {
  if (!Array.isArray(parts)) return undefined;
  return parts.flatMap((part) => textOf(fieldsOf(part)?.["text"]) ?? []).join("\n");
}
