import type { LiveEvent } from "../../../core/event.ts";
import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";
import { assistantEvents, userEvents } from "./content-events.ts";
import { frameOf, plainOf, textIn } from "./message-parts.ts";
import { partialEvents } from "./partial-events.ts";
import { resultEvents } from "./result-events.ts";
import { systemEvents } from "./system-events.ts";

/** One message of the SDK's stream as the events that people see; total: what is not known is a notice with all of it. */
export function mapSdkMessage(message: unknown): readonly LiveEvent[] {
  try {
    const fields = fieldsOf(message);
    if (fields === undefined)
      return [{ type: "notice", text: "The agent sent no message.", raw: plainOf(message) }];
    const type = textOf(fields["type"]) ?? "";
    return Object.hasOwn(mapped, type) ? mapped[type]!(fields) : [unknownMessage(fields, type)];
  } catch {
    return [{ type: "notice", text: "The agent sent a message that cannot be read." }];
  }
}

/** The SDK's session that a message is from: what the session is resumed by from now on. */
export function sessionIdOf(message: unknown): string | undefined {
  try {
    const id = fieldsOf(message)?.["session_id"];
    return textOf(id) || undefined;
  } catch {
    return undefined;
  }
}

const mapped: Readonly<Record<string, (message: Fields) => readonly LiveEvent[]>> = {
  assistant: assistantEvents,
  user: userEvents,
  stream_event: partialEvents,
  result: resultEvents,
  system: (message) =>
    systemEvents(message) ?? [unknownMessage(message, `system/${textIn(message, "subtype")}`)],
  tool_progress: (message) => [toolProgress(message)],
  rate_limit_event: (message) => [rateLimit(message)],
  auth_status: (message) => [{ type: "notice", text: authText(message), raw: plainOf(message) }],
  tool_use_summary: (message) => [
    { type: "notice", text: textIn(message, "summary"), raw: plainOf(message) },
  ],
  prompt_suggestion: (message) => [
    { type: "notice", text: `A next prompt may be: ${textIn(message, "suggestion")}`, raw: plainOf(message) },
  ],
  // Says of each prompt that it was taken and is done.
  command_lifecycle: () => [],
  // The id in it is not the one that the session goes on under: that comes with the next message.
  conversation_reset: () => [{ type: "status", status: "conversation_reset" }],
};

function unknownMessage(message: Fields, kind: string): LiveEvent {
  return {
    ...frameOf(message),
    type: "notice",
    text: `The agent sent ${kind || "a message without a type"}.`,
    raw: plainOf(message),
  };
}

function toolProgress(message: Fields): LiveEvent {
  const seconds = message["elapsed_time_seconds"];
  const text = `${textIn(message, "tool_name")} has worked for ${typeof seconds === "number" ? Math.round(seconds) : "?"} s.`;
  return { ...frameOf(message), type: "tool_progress", call: textIn(message, "tool_use_id"), text };
}

function rateLimit(message: Fields): LiveEvent {
  const info = fieldsOf(message["rate_limit_info"]) ?? {};
  const kind = textOf(info["rateLimitType"]);
  const text = `The provider's rate limit${kind === undefined ? "" : ` (${kind})`}: ${textOf(info["status"]) ?? "not known"}.`;
  return { type: "notice", text, raw: plainOf(message) };
}

function authText(message: Fields): string {
  const error = textOf(message["error"]);
  if (error !== undefined) return `Signing in failed: ${error}`;
  return message["isAuthenticating"] === true ? "The agent is signing in." : "The agent has signed in.";
}
