import { compactSourceOf } from "../content/compact/sources.ts";
import { CompactWriter } from "../content/compact/write.ts";
import type { LinesFrom } from "../content/stored-lines.ts";

/** How many lines of a session's compact transcript begin before a line of its transcript. */
export async function compactLinesBefore(
  lines: LinesFrom,
  { end, cliVersion }: { readonly end: number; readonly cliVersion: string },
): Promise<number> {
  let writer: CompactWriter | undefined;
  let [number, count] = [0, 0];
  for await (const line of lines(0)) {
    if (number >= end) break;
    const source = writer === undefined ? compactSourceOf(line) : undefined;
    if (source !== undefined) writer = new CompactWriter({ source, cliVersion });
    count += writer?.add(line).length ?? 0;
    number += 1;
  }
  return count + (writer?.held().length ?? 0);
}
