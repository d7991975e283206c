import type { LiveEvent, ResultEvent } from "../../../core/event.ts";
import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";

/** How a turn ended; before a result that is not ok stands its error. */
export function resultEvents(message: Fields): readonly LiveEvent[] {
  const { is_error: isError, subtype } = message;
  const reason = textOf(message["terminal_reason"]);
  const stop = textOf(message["stop_reason"]);
  if (isError !== true && subtype === "success")
    return [result({ ok: true, text: textOf(message["result"]) ?? "" }, stop ?? reason)];
  const text = textOf(message["result"]) ?? errorsIn(message) ?? whyOf(reason ?? textOf(subtype));
  // A subtype of success is none: the provider's own word is.
  const code = subtype === "success" ? (textOf(message["api_error_type"]) ?? reason) : textOf(subtype);
  return [
    { type: "error", message: text, ...(code !== undefined && { code }) },
    result({ ok: false, text }, reason ?? code),
  ];
}

/** What is known of the prompt whose turn waits for its result. */
export interface AwaitedPrompt {
  /** Given to the SDK with the prompt. */
  readonly uuid: string;
  /** Whether an `init` message has come since it was given. */
  readonly hasBegun: boolean;
}

/**
 * Whether a message ends the turn of this prompt: the agent also answers what its own background tasks report. New SDKs
 * name the prompts that a result answers; old ones give a turn and the reports in it one result.
 */
export function endsTurnOf(message: unknown, { uuid, hasBegun }: AwaitedPrompt): boolean {
  const fields = fieldsOf(message) ?? {};
  if (fields["type"] !== "result") return false;
  const answered = [fields["user_message_uuid"], fields["user_message_uuids"]]
    .flat()
    .filter((id) => id !== undefined);
  if (answered.length > 0) return answered.includes(uuid);
  return hasBegun || fields["origin"] === undefined;
}

function result(fields: Pick<ResultEvent, "ok" | "text">, stop: string | undefined): LiveEvent {
  return { type: "result", ...fields, ...(stop !== undefined && { stop }) };
}

function errorsIn(message: Fields): string | undefined {
  const errors = message["errors"];
  if (!Array.isArray(errors)) return undefined;
  const said = errors.map(textOf).filter((error) => error !== undefined && !error.startsWith(diagnostic));
  return said.join("\n") || undefined;
}

/** What the agent says to its own makers. */
const diagnostic = "[ede_diagnostic]";

function whyOf(reason: string | undefined): string {
  if (reason?.startsWith("aborted")) return "The turn was interrupted.";
  return `The agent ended without an answer${reason === undefined ? "" : ` (${reason})`}.`;
}
