import { createHash } from "node:crypto";
import { objectIn, textOf } from "../../core/json.ts";
import type { LinesFrom } from "../content/stored-lines.ts";
import type { SessionProgress } from "./session-state.ts";

/** What tells a line again where a transcript was rewritten. */
export interface LineMark {
  readonly mark: string;
  readonly uuid?: string;
}

export function markOf(line: string): LineMark {
  const uuid = textOf(objectIn(line)?.["uuid"]);
  const mark = createHash("sha256").update(line).digest("hex").slice(0, 32);
  return { mark, ...(uuid === undefined ? {} : { uuid }) };
}

/**
 * How many lines of a transcript earlier checkpoints hold: as many as before where it only grew; of one that was
 * rewritten, those up to the line that was the last, else those that are not later than the last checkpoint.
 */
export async function heldLines({
  progress,
  lines,
  total,
}: {
  readonly progress: SessionProgress | undefined;
  readonly lines: LinesFrom;
  readonly total: number;
}): Promise<number> {
  if (progress === undefined || progress.lines === 0) return 0;
  if (progress.lines <= total) {
    for await (const line of lines(progress.lines - 1)) {
      if (isMarked(line, progress)) return progress.lines;
      break;
    }
  }
  return await foundAnew(progress, lines);
}

/** When a line was written; undefined where it does not say. */
export function timeOfLine(line: string): number | undefined {
  if (!line.includes('"timestamp"')) return undefined;
  const atMs = Date.parse(textOf(objectIn(line)?.["timestamp"]) ?? "");
  return Number.isNaN(atMs) ? undefined : atMs;
}

function isMarked(line: string, { mark, uuid }: SessionProgress): boolean {
  const found = markOf(line);
  return found.mark === mark || (uuid !== undefined && found.uuid === uuid);
}

async function foundAnew(progress: SessionProgress, lines: LinesFrom): Promise<number> {
  let number = 0;
  let [marked, earlier] = [0, 0];
  let lastMs: number | undefined;
  for await (const line of lines(0)) {
    number += 1;
    lastMs = timeOfLine(line) ?? lastMs;
    if (lastMs !== undefined && lastMs <= progress.atMs) earlier = number;
    if (isMarked(line, progress)) marked = number;
  }
  return marked === 0 ? earlier : marked;
}
