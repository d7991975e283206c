import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { objectOf } from "./conversation.ts";
import type { Reply } from "./script.ts";
import { type MessageIds, type WireBlock, type WireMessage, wireError, wireMessage } from "./wire.ts";

/** Writes a reply as a stream of events, or as one JSON object where the request asks for no stream. */
export async function sendReply(response: ServerResponse, params: SendReplyParams): Promise<void> {
  const { reply, ids, body, signal } = params;
  if (reply.kind === "error") return sendError(response, reply.status);
  const blocks = reply.kind === "message" ? reply.blocks : ([{ type: "text", text: "part" }] as const);
  const inputTokens = reply.kind === "message" ? reply.inputTokens : undefined;
  const message = wireMessage({ blocks, ids, body, inputTokens });
  if (objectOf(body)["stream"] !== true) return sendWhole(response, message);
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "request-id": ids.next("req"),
  });
  sendStart(response, message);
  if (reply.kind !== "message") return breakOff(response, reply.kind);
  for (const [index, block] of message.content.entries())
    await sendBlock(response, { index, block, pauseMs: reply.pauseMs, signal });
  sendEnd(response, message);
}

export interface SendReplyParams {
  readonly reply: Reply;
  readonly ids: MessageIds;
  readonly body: unknown;
  readonly signal: AbortSignal;
}

function sendError(response: ServerResponse, status: number): void {
  // Without the second header a client repeats some of these for minutes.
  response.writeHead(status, { "content-type": "application/json", "x-should-retry": "false" });
  response.end(JSON.stringify(wireError(status)));
}

function sendWhole(response: ServerResponse, message: WireMessage): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(message));
}

function sendStart(response: ServerResponse, message: WireMessage): void {
  const usage = { ...message.usage, output_tokens: 1 };
  sendEvent(response, "message_start", { message: { ...message, content: [], stop_reason: null, usage } });
}

/** Begins a text, and then says no more: `hang` leaves the connection open, `cut` destroys it. */
function breakOff(response: ServerResponse, kind: "hang" | "cut"): void {
  sendEvent(response, "content_block_start", { index: 0, content_block: { type: "text", text: "" } });
  sendDelta(response, 0, { type: "text_delta", text: "part" });
  // Only once the text has left: else the client sees a refused connection instead of a broken one.
  if (kind === "cut") response.write(": cut\n\n", () => response.destroy());
}

interface SendBlockParams {
  readonly index: number;
  readonly block: WireBlock;
  readonly pauseMs: number | undefined;
  readonly signal: AbortSignal;
}

async function sendBlock(response: ServerResponse, params: SendBlockParams): Promise<void> {
  const { index, block } = params;
  sendEvent(response, "content_block_start", { index, content_block: emptied(block) });
  if (block.type === "text") await sendText(response, block.text, params);
  else for (const delta of deltasOf(block)) sendDelta(response, index, delta);
  sendEvent(response, "content_block_stop", { index });
}

function emptied(block: WireBlock): object {
  if (block.type === "text") return { type: "text", text: "" };
  return block.type === "thinking" ? { ...block, thinking: "", signature: "" } : { ...block, input: {} };
}

function deltasOf(block: Exclude<WireBlock, { type: "text" }>): readonly object[] {
  if (block.type === "tool_use")
    return [{ type: "input_json_delta", partial_json: JSON.stringify(block.input) }];
  const { thinking, signature } = block;
  return [
    { type: "thinking_delta", thinking },
    { type: "signature_delta", signature },
  ];
}

const pieceLength = 4096;
const slowPieces = 40;

async function sendText(response: ServerResponse, text: string, params: SendBlockParams): Promise<void> {
  const { index, pauseMs, signal } = params;
  const length = pauseMs === undefined ? pieceLength : Math.ceil(text.length / slowPieces);
  for (let at = 0; at < text.length; at += length) {
    sendDelta(response, index, { type: "text_delta", text: text.slice(at, at + length) });
    if (pauseMs !== undefined) await delay(pauseMs, undefined, { signal });
  }
}

function sendEnd(response: ServerResponse, { stop_reason, usage }: WireMessage): void {
  const delta = { stop_reason, stop_sequence: null };
  sendEvent(response, "message_delta", { delta, usage: { output_tokens: usage["output_tokens"] } });
  sendEvent(response, "message_stop", {});
  response.end();
}

function sendDelta(response: ServerResponse, index: number, delta: object): void {
  sendEvent(response, "content_block_delta", { index, delta });
}

function sendEvent(response: ServerResponse, type: string, data: object): void {
  response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
}
