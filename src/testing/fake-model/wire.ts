import { randomBytes } from "node:crypto";
import { objectOf } from "./conversation.ts";
import type { Block } from "./script.ts";

/** A message as the Messages API gives it. */
export interface WireMessage {
  readonly id: string;
  readonly type: "message";
  readonly role: "assistant";
  readonly model: unknown;
  readonly content: readonly WireBlock[];
  readonly stop_reason: "end_turn" | "tool_use";
  readonly stop_sequence: null;
  readonly usage: Readonly<Record<string, number | string>>;
}

/** A block with the id that a tool call has on the wire. */
export type WireBlock =
  | Exclude<Block, { type: "tool_use" }>
  | (Extract<Block, { type: "tool_use" }> & { readonly id: string });

/** Ids that no other fake model gives, since one session may meet several. */
export class MessageIds {
  readonly #base = randomBytes(8).toString("hex");
  #last = 0;

  next(prefix: "msg" | "toolu" | "req"): string {
    this.#last += 1;
    return `${prefix}_${this.#base}${String(this.#last).padStart(8, "0")}`;
  }
}

/** Builds the answer to a request body; without `inputTokens` a quarter of the body's length is counted. */
export function wireMessage({ blocks, ids, body, inputTokens }: WireMessageParams): WireMessage {
  const content = blocks.map((block) =>
    block.type === "tool_use" ? { ...block, id: ids.next("toolu") } : block,
  );
  return {
    id: ids.next("msg"),
    type: "message",
    role: "assistant",
    model: objectOf(body)["model"],
    content,
    stop_reason: content.some(({ type }) => type === "tool_use") ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: inputTokens ?? quarterOf(body),
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: quarterOf(content),
      service_tier: "standard",
    },
  };
}

export interface WireMessageParams {
  readonly blocks: readonly Block[];
  readonly ids: MessageIds;
  readonly body: unknown;
  readonly inputTokens?: number | undefined;
}

/** The body of an error answer. */
export function wireError(status: number): object {
  const type = errorTypes[status] ?? (status >= 500 ? "api_error" : "invalid_request_error");
  return { type: "error", error: { type, message: `The fake model was asked to answer ${status}.` } };
}

const errorTypes: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

function quarterOf(value: unknown): number {
  return Math.ceil((JSON.stringify(value) ?? "").length / 4);
}
