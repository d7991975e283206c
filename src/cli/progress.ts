import { size } from "./columns.ts";

/** Shows how far an import is, on a terminal only; `done` removes the line. */
export function progressBar(): {
  readonly update: (progress: Progress) => void;
  readonly done: () => void;
} {
  if (!process.stderr.isTTY) return { update: () => {}, done: () => {} };
  let shownAtMs = 0;
  return {
    update(progress) {
      const nowMs = performance.now();
      if (nowMs - shownAtMs < 100) return;
      shownAtMs = nowMs;
      process.stderr.write(`\r\u001b[2K${barOf(progress)}`);
    },
    done: () => void process.stderr.write("\r\u001b[2K"),
  };
}

/** How much of an import is done. */
export interface Progress {
  readonly bytes: number;
  readonly totalBytes: number;
}

function barOf({ bytes, totalBytes }: Progress): string {
  const part = totalBytes === 0 ? 1 : Math.min(1, bytes / totalBytes);
  const filled = Math.round(part * width);
  return `Importing ${"█".repeat(filled)}${"░".repeat(width - filled)} ${Math.round(part * 100)} % of ${size(totalBytes)}B`;
}

const width = 30;
