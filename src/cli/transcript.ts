import { redactText } from "../core/redaction.ts";
import { counted, cut } from "./columns.ts";
import { harmless, harmlessLine } from "./harmless.ts";
import type { Style } from "./style.ts";
import type { Block } from "./transcript-entry.ts";

/** A block that is shown by itself; results are folded into their calls. */
export type ShownBlock = Exclude<Block, { readonly kind: "result" }>;

/** What came back from a tool call. */
export type Result = Extract<Block, { readonly kind: "result" }>;

/** The lines of one block for a terminal; a call carries its result in the same line, unless that comes later. */
export function terminalLines(
  block: ShownBlock,
  result: Result | "later" | undefined,
  style: Style,
): string[] {
  switch (block.kind) {
    case "user":
      return [
        "",
        ...withMark(style.cyan("❯ "), safeText(block.text).split("\n"), (line) => style.bold(line)),
      ];
    case "assistant":
      return ["", ...withMark("● ", safeText(block.text).split("\n"), (line) => line)];
    case "thinking":
      return [style.dim(`∴ thinking, ${counted(block.length, "character")}`)];
    case "call":
      return [
        `▸ ${style.bold(harmlessLine(block.name))} ${callDetail(block.detail)}${outcome(result, style)}`,
      ];
    case "notice":
      return [style.dim(`── ${safeLine(block.text, 200)} ──`)];
  }
}

/** The line of a result that comes after its call was printed. */
export function resultLine(result: Result, style: Style): string {
  return `  ⎿${outcome(result, style)}`;
}

/** The Markdown of one block. */
export function markdownOf(block: ShownBlock, result: Result | undefined): string {
  switch (block.kind) {
    case "user":
      return `## User\n\n${safeText(block.text)}\n\n`;
    case "assistant":
      return `## Assistant\n\n${safeText(block.text)}\n\n`;
    case "thinking":
      return "";
    case "call":
      return markdownCall(block.name, block.detail, result);
    case "notice":
      return `*${safeLine(block.text, 200)}*\n\n`;
  }
}

/** Text of a transcript as it may be shown to people. */
function safeText(text: string): string {
  return harmless(redactText(text));
}

function safeLine(text: string, maxLength: number): string {
  return cut(harmlessLine(redactText(text)), maxLength);
}

function withMark(mark: string, lines: readonly string[], paint: (line: string) => string): string[] {
  return lines.map((line, at) => (at === 0 ? mark : "  ") + (line === "" ? "" : paint(line)));
}

function callDetail(detail: string): string {
  return safeLine(detail, 100);
}

function outcome(result: Result | "later" | undefined, style: Style): string {
  if (result === "later") return "";
  if (result === undefined) return style.dim(" → no result");
  if (result.failed) return style.red(` → failed: ${safeLine(result.text, 80)}`);
  const lines = result.text === "" ? 0 : result.text.split("\n").length;
  if (lines === 0) return style.dim(" → ok");
  return style.dim(lines === 1 ? ` → ${safeLine(result.text, 80)}` : ` → ${counted(lines, "line")}`);
}

function markdownCall(name: string, detail: string, result: Result | undefined): string {
  const state = result === undefined ? " (no result)" : result.failed ? " (failed)" : "";
  // A backtick inside would end the code early, and an angle bracket could open a tag.
  const head = `${harmlessLine(name)} ${callDetail(detail)}`.replace(/[&<>]/g, (char) => entities[char]!);
  const text = safeText(result?.text ?? "");
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map(([run]) => run.length + 1)));
  return `<details><summary>${head}${state}</summary>\n\n${fence}\n${text}\n${fence}\n\n</details>\n\n`;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
