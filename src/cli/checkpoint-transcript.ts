import { fieldsOf, objectIn, textOf } from "../core/json.ts";
import { type Step, stepsOf } from "../git/reading/steps.ts";
import type { TranscriptPart } from "../git/reading/transcript-part.ts";
import { counted } from "./columns.ts";
import { type Layout, terminalLines } from "./transcript.ts";
import { type Block, blocksOf, callDetail, type Result } from "./transcript-entry.ts";

/** The lines of a checkpoint's part of a transcript; of a long one the first and the last blocks. */
export function partLines(part: TranscriptPart, layout: Layout, maxBlocks: number): string[] {
  if (part.form === "none") return [layout.style.dim("The transcript is not stored.")];
  const [first, last] = [part.lines.slice(0, part.omittedAt), part.lines.slice(part.omittedAt)];
  const blocks = [...first.flatMap(blocksIn), ...gap(part.omitted, "line"), ...last.flatMap(blocksIn)];
  const results = new Map(blocks.flatMap((block) => (block.kind === "result" ? [[block.call, block]] : [])));
  const calls = new Set(blocks.flatMap((block) => (block.kind === "call" ? [block.id] : [])));
  const shown = blocks.filter((block) => block.kind !== "result" || !calls.has(block.call));
  const missing =
    part.missing === 0 ? [] : [notice(`${counted(part.missing, "piece")} of the transcript cannot be read`)];
  return [...missing, ...bounded(shown, maxBlocks)].flatMap((block) =>
    terminalLines(block, block.kind === "call" ? results.get(block.id) : undefined, layout),
  );
}

function bounded(blocks: readonly Block[], maxBlocks: number): readonly Block[] {
  const left = blocks.length - maxBlocks;
  if (left <= 0) return blocks;
  const half = Math.ceil(maxBlocks / 2);
  return [...blocks.slice(0, half), ...gap(left, "block"), ...blocks.slice(half + left)];
}

function gap(count: number, noun: string): readonly Block[] {
  return count === 0 ? [] : [notice(`${counted(count, `more ${noun}`)}, see them with --full`)];
}

function notice(text: string): Block {
  return { kind: "notice", text };
}

/** Claude Code's own lines show more than what all agents have in common. */
function blocksIn(line: string): readonly Block[] {
  const fields = objectIn(line);
  if (fields === undefined) return [notice("a line that is not JSON")];
  const isClaude =
    textOf(fields["type"]) !== undefined && fieldsOf(fields["message"]) !== undefined && fields["v"] !== 1;
  return isClaude || fields["type"] === "system" ? blocksOf(line) : stepsOf(line).map(blockOf);
}

function blockOf(step: Step): Block {
  switch (step.kind) {
    case "prompt":
      return { kind: "user", text: step.text };
    case "answer":
      return { kind: "assistant", text: step.text };
    case "call":
      return { kind: "call", id: step.id ?? "", name: step.name, detail: callDetail(step.input) };
    case "result": {
      const result: Result = { kind: "result", call: step.call, text: step.text, failed: step.failed };
      return result;
    }
  }
}
