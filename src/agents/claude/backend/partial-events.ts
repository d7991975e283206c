import type { LiveEvent } from "../../../core/event.ts";
import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";
import { frameOf } from "./message-parts.ts";

/** The pieces of an answer as they come; all else of a provider's stream comes whole with its message. */
export function partialEvents(message: Fields): readonly LiveEvent[] {
  const event = fieldsOf(message["event"]) ?? {};
  const delta = fieldsOf(event["delta"]);
  if (event["type"] !== "content_block_delta" || delta === undefined) return [];
  const said = textOf(delta["type"] === "text_delta" ? delta["text"] : undefined);
  if (said) return [{ ...frameOf(message), type: "assistant", text: said, partial: true }];
  const thought = textOf(delta["type"] === "thinking_delta" ? delta["thinking"] : undefined);
  return thought ? [{ ...frameOf(message), type: "thinking", text: thought, partial: true }] : [];
}
