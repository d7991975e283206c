import type { LiveEvent, ResultEvent } from "../../../core/event.ts";
import { type Fields, textOf } from "../../../core/json.ts";

/** How a turn ended; before a result that is not ok stands its error. */
export function resultEvents(message: Fields): readonly LiveEvent[] {
  const { is_error: isError, subtype } = message;
  const [reason, stop] = [textOf(message["terminal_reason"]), textOf(message["stop_reason"])];
  if (isError !== true && subtype === "success")
    return [result({ ok: true, text: textOf(message["result"]) ?? "" }, stop ?? reason)];
  // Old SDKs call a turn completed, and a success, that the provider has refused.
  const cause = reason === "completed" ? undefined : reason;
  const text = textOf(message["result"]) ?? errorsIn(message) ?? whyOf(cause ?? textOf(subtype));
  const code =
    subtype === "success" ? (textOf(message["api_error_type"]) ?? cause ?? "api_error") : textOf(subtype);
  return [
    { type: "error", message: text, ...(code !== undefined && { code }) },
    result({ ok: false, text }, cause ?? code),
  ];
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
