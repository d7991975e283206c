import { createInterface } from "node:readline";
import { type Doomed, killTrees } from "./process-table.ts";

// Runs as a process of its own. Its host tells it of each child; when the host's end of the pipe is closed, however that
// came about, whatever is still known is killed.
const children = new Map<number, Doomed>();

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { watch, forget } = messageIn(line);
    if (watch !== undefined) {
      children.set(watch.pid, watch);
      process.stdout.write(`${watch.pid}\n`);
    }
    if (forget !== undefined) children.delete(forget);
  })
  .on("close", () => void killTrees([...children.values()]).finally(() => process.exit()));

// Its host may be gone before it has the answer.
process.stdout.on("error", () => undefined);

/** One line of what the host says. */
export interface ReaperMessage {
  readonly watch?: Doomed;
  readonly forget?: number;
}

// A host that dies may leave half a line.
function messageIn(line: string): ReaperMessage {
  try {
    return JSON.parse(line) as ReaperMessage;
  } catch {
    return {};
  }
}
