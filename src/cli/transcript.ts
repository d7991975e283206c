import { redactText } from "../core/redaction.ts";
import { counted } from "./columns.ts";
import { harmless, harmlessLine } from "./harmless.ts";
import type { Style } from "./style.ts";
import type { Block, Result } from "./transcript-entry.ts";
import { cut, foldLine, widthOf } from "./width.ts";

type Output = Extract<Block, { readonly kind: "output" }>;

/** How blocks are laid out: `width` is what the terminal leaves them, undefined off a terminal. */
export interface Layout {
  readonly style: Style;
  readonly width: number | undefined;
}

/** The lines of one block; a call carries its result in the same line, unless that comes later. */
export function terminalLines(block: Block, result: Result | "later" | undefined, layout: Layout): string[] {
  const { style } = layout;
  switch (block.kind) {
    case "user":
      return ["", ...textLines(style.cyan("❯ "), block.text, layout, style.bold)];
    case "assistant":
      return ["", ...textLines("● ", block.text, layout, (line) => line)];
    case "thinking":
      return [style.dim(`∴ thinking, ${counted(block.length, "character")}`)];
    case "call":
      return [callLine(block, result, layout)];
    case "result":
      return [resultLine(block, undefined, layout)];
    case "output":
      return outputLines(block, layout);
    case "notice":
      return [
        ...(block.major === true ? [""] : []),
        style.dim(`── ${safeLine(block.text, Math.min(200, room(layout, 6)))} ──`),
      ];
  }
}

/** The line of a result that stands apart from its call, with the call's name if that is known. */
export function resultLine(result: Result, call: string | undefined, layout: Layout): string {
  const name = call === undefined ? "" : ` ${nameOf(call, layout)}`;
  return `  ⎿${name}${outcome(result, layout.style, room(layout, 6 + widthOf(name)))}`;
}

/** The Markdown of one block. */
export function markdownOf(block: Block, result: Result | undefined): string {
  switch (block.kind) {
    case "user":
      return `## User\n\n${safeText(block.text)}\n\n`;
    case "assistant":
      return `## Assistant\n\n${safeText(block.text)}\n\n`;
    case "thinking":
      return "";
    case "call":
      return markdownDetails(`${harmlessLine(block.name)} ${safeLine(block.detail, 100)}`, result);
    case "result":
      return markdownDetails("Result of an earlier call", block);
    case "output":
      return markdownDetails("Output", { text: block.text, failed: block.failed });
    case "notice":
      return `*${safeLine(block.text, 200)}*\n\n`;
  }
}

/** Text of a transcript as it may be shown to people. */
function safeText(text: string): string {
  return harmless(redactText(text));
}

function safeLine(text: string, maxWidth: number): string {
  return cut(harmlessLine(redactText(text)), maxWidth);
}

/** What a line has left after its fixed parts; a terminal too narrow for sense gets lines that it folds itself. */
function room({ width }: Layout, taken: number): number {
  return width === undefined ? Number.POSITIVE_INFINITY : Math.max(leastWidth, width - taken);
}

function textLines(
  mark: string,
  text: string,
  layout: Layout,
  paint: (line: string) => string,
): readonly string[] {
  const lines = safeText(text)
    .split("\n")
    .flatMap((line) => (layout.width === undefined ? [line] : foldLine(line, room(layout, 2))));
  return lines.map((line, at) => (at === 0 ? mark : "  ") + (line === "" ? "" : paint(line)));
}

function callLine(
  block: Extract<Block, { readonly kind: "call" }>,
  result: Result | "later" | undefined,
  layout: Layout,
): string {
  const name = nameOf(block.name, layout);
  const left = room(layout, 3 + widthOf(name));
  // What was asked for tells more than what came back, so it gets what a short answer leaves.
  const told = result === "later" ? "" : outcome(result, plainly, Math.floor(left / 2));
  const detail = safeLine(block.detail, Math.min(100, left - widthOf(told)));
  const end = result === "later" ? "" : outcome(result, layout.style, left - widthOf(detail));
  return `▸ ${layout.style.bold(name)} ${detail}${end}`;
}

function nameOf(call: string, layout: Layout): string {
  return safeLine(call, Math.min(100, Math.floor(room(layout, 0) / 3)));
}

function outcome(result: Result | undefined, style: Pick<Style, "dim" | "red">, maxWidth: number): string {
  if (result === undefined) return style.dim(" → no result");
  const width = Math.min(80, Math.max(leastWidth, maxWidth - 3));
  if (result.failed) return style.red(` → failed: ${safeLine(result.text, width - 8)}`);
  const lines = result.text === "" ? 0 : result.text.split("\n").length;
  if (lines === 0) return style.dim(" → ok");
  return style.dim(lines === 1 ? ` → ${safeLine(result.text, width)}` : ` → ${counted(lines, "line")}`);
}

/** The first lines of what a command printed; the rest is folded. */
function outputLines({ text, failed }: Output, layout: Layout): string[] {
  const paint = failed ? layout.style.red : layout.style.dim;
  const lines = safeText(text)
    .split("\n")
    .flatMap((line) => (layout.width === undefined ? [line] : foldLine(line, room(layout, 4))));
  const hidden = lines.length - shownOutput;
  const shown = hidden > 1 ? [...lines.slice(0, shownOutput), `… ${counted(hidden, "more line")}`] : lines;
  return shown.map((line, at) => (at === 0 ? "  ⎿ " : "    ") + (line === "" ? "" : paint(line)));
}

function markdownDetails(summary: string, result: Pick<Result, "text" | "failed"> | undefined): string {
  const state = result === undefined ? " (no result)" : result.failed ? " (failed)" : "";
  // A backtick inside would end the code early, and an angle bracket could open a tag.
  const head = summary.replace(/[&<>]/g, (char) => entities[char]!);
  const text = safeText(result?.text ?? "");
  const fence = "`".repeat(longestRun(text) + 1);
  return `<details><summary>${head}${state}</summary>\n\n${fence}\n${text}\n${fence}\n\n</details>\n\n`;
}

// No spread into Math.max: a text of millions of runs would overflow the stack.
function longestRun(text: string): number {
  let longest = 2;
  for (const [run] of text.matchAll(/`+/g)) longest = Math.max(longest, run.length);
  return longest;
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const plainly: Pick<Style, "dim" | "red"> = { dim: (text) => text, red: (text) => text };
const leastWidth = 8;
const shownOutput = 8;
