import { isUuid } from "../../../core/entry.ts";
import type { EventFrame, LiveEvent } from "../../../core/event.ts";
import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";
import { responseUsage } from "../usage.ts";
import { bounded, frameOf, plainOf, textIn } from "./message-parts.ts";

type Frame = Pick<EventFrame, "parent" | "entry">;

/** What an assistant's message says and calls, and what the response used. */
export function assistantEvents(message: Fields): readonly LiveEvent[] {
  const frame = frameOf(message, textOf(message["uuid"]));
  const events = blocksOf(message).flatMap((block) => assistantBlock(block, frame));
  const reason = textOf(message["error"]);
  if (reason === undefined && fieldsOf(message["message"])?.["model"] !== "<synthetic>")
    return [...events, ...usageEvents(message)];
  // The agent's own words in the model's place; of an error its result says the same.
  const raw = reason !== undefined && { raw: { error: reason } };
  return events.flatMap((event): readonly LiveEvent[] => {
    if (event.type !== "assistant") return [event];
    return event.text === placeholder ? [] : [{ ...frame, type: "notice", text: event.text, ...raw }];
  });
}

/** Where an answer has no words, old SDKs send these, and store nothing. */
const placeholder = "(no content)";

/** What a user's message brings: a person's words, tools' results, or what the agent tells itself. */
export function userEvents(message: Fields): readonly LiveEvent[] {
  const frame = frameOf(message, textOf(message["uuid"]));
  return blocksOf(message).flatMap((block): readonly LiveEvent[] => {
    if (block["type"] === "text") return userText(textIn(block, "text"), message, frame);
    if (typeof block["tool_use_id"] === "string") return [toolSummary(block, frame)];
    if (attached.has(block["type"]))
      return [{ ...frame, type: "notice", text: `The user attached ${textIn(block, "type")}.` }];
    return [unknownBlock(block, frame)];
  });
}

/** What one response used; none where its entry alone can name it. */
function usageEvents(message: Fields): readonly LiveEvent[] {
  const { parent } = frameOf(message);
  const requestId = message["request_id"];
  // Without it the key would be another one than that of the entry, which has it.
  if (!isUuid(requestId)) return [];
  const usage = responseUsage(
    { message: message["message"], requestId },
    { lineage: "", contentHash: () => "" },
  );
  return usage === undefined ? [] : [{ type: "usage", ...usage, ...(parent !== undefined && { parent }) }];
}

function blocksOf(message: Fields): readonly Fields[] {
  const content = fieldsOf(message["message"])?.["content"];
  if (typeof content === "string") return [{ type: "text", text: content }];
  return Array.isArray(content) ? content.map(fieldsOf).filter((block) => block !== undefined) : [];
}

function assistantBlock(block: Fields, frame: Frame): readonly LiveEvent[] {
  const type = textIn(block, "type");
  const text = textIn(block, type === "thinking" ? "thinking" : "text");
  if (type === "text" || type === "thinking")
    return text === "" ? [] : [{ ...frame, type: type === "text" ? "assistant" : "thinking", text }];
  // What the provider keeps to itself.
  if (type === "redacted_thinking") return [];
  if (type.endsWith("tool_use") && typeof block["id"] === "string") return [toolCall(block, type, frame)];
  if (typeof block["tool_use_id"] === "string") return [toolSummary(block, frame)];
  return [unknownBlock(block, frame)];
}

function toolCall(block: Fields, type: string, frame: Frame): LiveEvent {
  const call = textIn(block, "id");
  const input = plainOf(block["input"]);
  return {
    ...frame,
    type: "tool_call",
    call,
    name: textIn(block, "name"),
    ...(input !== undefined && { input }),
    // What the provider runs itself has no step: no hook is asked before it starts.
    ...(type === "tool_use" && { step: call }),
  };
}

function toolSummary(block: Fields, frame: Frame): LiveEvent {
  const content = block["content"];
  const failed = block["is_error"] === true || textIn(fieldsOf(content) ?? {}, "type").endsWith("error");
  return {
    ...frame,
    type: "tool_summary",
    call: textIn(block, "tool_use_id"),
    ok: !failed,
    text: bounded(contentText(content)),
  };
}

/** What a tool gave to a hook, as near as can be to what its result will say. */
export function responseText(response: unknown): string {
  const { stdout, stderr, content } = fieldsOf(response) ?? {};
  if (typeof stdout === "string")
    return [stdout, textOf(stderr) ?? ""].filter((part) => part !== "").join("\n");
  return contentText(Array.isArray(content) ? content : response);
}

/** A result's content as text; what is no text is named by its type. */
function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content))
    return content === undefined || content === null ? "" : (JSON.stringify(plainOf(content)) ?? "");
  return content
    .map((part: unknown) => {
      const fields = fieldsOf(part) ?? {};
      return textOf(fields["text"]) ?? `[${textOf(fields["type"]) ?? "unknown"}]`;
    })
    .join("\n");
}

function userText(text: string, message: Fields, frame: Frame): readonly LiveEvent[] {
  if (message["isMeta"] === true) return [];
  const output = /^<local-command-(stdout|stderr)>(.*)<\/local-command-\1>$/s.exec(text.trim())?.[2]?.trim();
  if (output !== undefined) return output === "" ? [] : [{ ...frame, type: "notice", text: bounded(output) }];
  const [, command, args] = (text.length <= longestCommand ? commandPattern.exec(text) : null) ?? [];
  if (command !== undefined) return [{ ...frame, type: "user", text: `${command} ${args}`.trim() }];
  const type = isOwnWord(text, message) ? "notice" : "user";
  return [{ ...frame, type, text: type === "notice" ? bounded(text) : text }];
}

/** How a transcript keeps a command of the user's. */
const commandPattern = /^<command-name>(.*?)<\/command-name>.*<command-args>(.*)<\/command-args>\s*$/s;

/** The pattern tries every way to part a text: a long one that only looks like a command would take it minutes. */
const longestCommand = 2_000;

/** Whether nobody has typed this, though the model is shown it as the user's. */
function isOwnWord(text: string, { isSynthetic, isCompactSummary, origin }: Fields): boolean {
  const from = textOf(fieldsOf(origin)?.["kind"]) ?? "human";
  if (isSynthetic === true || isCompactSummary === true || from === "task-notification") return true;
  return text.startsWith("[Request interrupted by user");
}

const attached = new Set<unknown>(["image", "document"]);

function unknownBlock(block: Fields, frame: Frame): LiveEvent {
  const text = `The agent sent a block of the type ${textOf(block["type"]) ?? "that it does not name"}.`;
  return { ...frame, type: "notice", text, raw: plainOf(block) };
}
