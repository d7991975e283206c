import { size } from "./columns.ts";
import { streams } from "./streams.ts";

/** Shows how far something is, on a terminal only; `done` removes the line. */
export function progressBar(verb = "Importing"): {
  readonly update: (progress: Progress) => void;
  readonly done: () => void;
} {
  const { stderr } = streams();
  if (stderr.isTTY !== true || process.env["TERM"] === "dumb") return { update: () => {}, done: () => {} };
  let shownAtMs = Number.NEGATIVE_INFINITY;
  return {
    update(progress) {
      const nowMs = performance.now();
      if (nowMs - shownAtMs < 100) return;
      shownAtMs = nowMs;
      // A line that reached the edge would fold, and only its last part could be removed again.
      stderr.write(`${removeLine}${barOf(verb, progress).slice(0, Math.max(0, (stderr.columns ?? 80) - 1))}`);
    },
    done: () => {
      if (shownAtMs > 0) stderr.write(removeLine);
    },
  };
}

/** The same for what is counted, not weighed. */
export function stepBar(verb: string): {
  readonly update: (progress: { readonly done: number; readonly total: number }) => void;
  readonly done: () => void;
} {
  const bar = progressBar(verb);
  return {
    update: ({ done, total }) => bar.update({ bytes: done, totalBytes: total, of: String(total) }),
    done: bar.done,
  };
}

/** How much is done. */
export interface Progress {
  readonly bytes: number;
  readonly totalBytes: number;
  /** What the total is called; default its size in bytes. */
  readonly of?: string;
  /** What comes behind the bar, such as a rate. */
  readonly note?: string;
}

function barOf(
  verb: string,
  { bytes, totalBytes, of = `${size(totalBytes)}B`, note = "" }: Progress,
): string {
  const part = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const filled = Math.round(part * width);
  return `${verb} ${"█".repeat(filled)}${"░".repeat(width - filled)} ${Math.round(part * 100)} % of ${of}${note}`;
}

const width = 30;
const removeLine = "\r\u001b[2K";
