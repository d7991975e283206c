import { checkAfter, checkSameLog } from "../../core/checks.ts";
import type { ScanParams } from "../../core/store.ts";
import { type State, visibleLog } from "./state.ts";

const pieceLength = 1 << 20;

/** Yields the bodies that the log holds at the first step, whatever happens to the log meanwhile. */
export async function* scan(
  state: State,
  { log: key, after = 0, id }: ScanParams,
): AsyncIterable<readonly string[]> {
  const log = visibleLog(state, key);
  checkSameLog(id, log?.id);
  const stored = log?.entries ?? [];
  const head = log?.committed ?? 0;
  checkAfter(after, head, "the log");
  let lines: string[] = [];
  let length = 0;
  for (let index = after; index < head; index += 1) {
    const { body } = stored[index]!;
    lines.push(body);
    length += body.length + 1;
    if (length < pieceLength && index + 1 < head) continue;
    yield lines;
    lines = [];
    length = 0;
  }
}
