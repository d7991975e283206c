import { type Fields, fieldsOf, objectIn, textOf } from "../../core/json.ts";
import type { CompactPart } from "../content/compact/lines.ts";
import { readCompact } from "../content/compact/read.ts";
import { compactSourceOf } from "../content/compact/sources.ts";

/** What happened in a session, whichever agent wrote it down. */
export type Step =
  | { readonly kind: "prompt"; readonly text: string; readonly atMs: number | null }
  | { readonly kind: "answer"; readonly text: string; readonly atMs: number | null }
  | {
      readonly kind: "call";
      readonly id: string | null;
      readonly name: string;
      readonly input: unknown;
      readonly atMs: number | null;
    }
  | { readonly kind: "result"; readonly call: string; readonly failed: boolean; readonly text: string };

/** The steps of one line: of Claude Code, Codex or Cursor, of a compact transcript, or a message of a JSON document. */
export function stepsOf(line: string): readonly Step[] {
  const fields = objectIn(line);
  if (fields === undefined) return [];
  if (fields["v"] === 1) return compactSteps(line);
  const source = compactSourceOf(line);
  return source === undefined ? documentSteps(fields) : sourceSteps(source.part(fields));
}

function sourceSteps({ messages = [], results = [] }: CompactPart): readonly Step[] {
  const answers = results.map(({ toolUseId, result }) => resultStep(toolUseId, result));
  const told = messages.flatMap(({ type, ts, content }) =>
    content.flatMap((block) => blockSteps(type, block, timeOf(ts))),
  );
  return [...answers, ...told];
}

function compactSteps(line: string): readonly Step[] {
  return readCompact(line).flatMap(({ type, ts, content }) =>
    content.flatMap((block) => {
      const steps = blockSteps(type, block, timeOf(ts));
      const [id, result] = [textOf(block["id"]), fieldsOf(block["result"])];
      return id === undefined || result === undefined ? steps : [...steps, resultStep(id, result)];
    }),
  );
}

function blockSteps(type: "user" | "assistant", block: Fields, atMs: number | null): readonly Step[] {
  const text = textOf(block["text"]) ?? "";
  if (type === "user") return text === "" ? [] : [{ kind: "prompt", text, atMs }];
  if (block["type"] === "text") return text === "" ? [] : [{ kind: "answer", text, atMs }];
  const name = textOf(block["name"]);
  if (block["type"] !== "tool_use" || name === undefined) return [];
  return [{ kind: "call", id: textOf(block["id"]) ?? null, name, input: block["input"], atMs }];
}

function resultStep(call: string, result: Fields): Step {
  return {
    kind: "result",
    call,
    failed: result["status"] === "error",
    text: textOf(result["output"]) ?? "",
  };
}

/** A message of a Gemini document: `{type: "user" | "gemini", content, toolCalls}`. */
function documentSteps(message: Fields): readonly Step[] {
  const type = textOf(message["type"]) ?? textOf(message["role"]) ?? "";
  const atMs = timeOf(textOf(message["timestamp"]));
  const text = contentText(message["content"] ?? message["parts"]);
  const isUser = type === "user";
  const told: Step[] = text === "" ? [] : [{ kind: isUser ? "prompt" : "answer", text, atMs }];
  const calls = Array.isArray(message["toolCalls"]) ? message["toolCalls"].map(fieldsOf) : [];
  return [...told, ...calls.flatMap((call) => (call === undefined ? [] : documentCall(call, atMs)))];
}

function documentCall(call: Fields, atMs: number | null): readonly Step[] {
  const [id, name] = [textOf(call["id"]), textOf(call["name"])];
  if (name === undefined) return [];
  const step: Step = { kind: "call", id: id ?? null, name, input: call["args"], atMs };
  const status = textOf(call["status"]);
  if (id === undefined || status === undefined) return [step];
  const text = textOf(call["resultDisplay"]) ?? "";
  return [step, { kind: "result", call: id, failed: status !== "success", text }];
}

function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.flatMap((part) => textOf(fieldsOf(part)?.["text"]) ?? []).join("\n");
}

function timeOf(text: string | undefined): number | null {
  const atMs = Date.parse(text ?? "");
  return Number.isNaN(atMs) ? null : atMs;
}
