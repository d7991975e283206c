import type { AsideBatch, SpoolDepth } from "../../core/spool.ts";
import { counted, localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { table } from "../run-table.ts";
import { type SpoolOption, withSpool } from "../spool.ts";
import { shownText } from "../timeline.ts";

/** Tells what waits in a spool and what the store refused; ends with 3 where it refused anything. */
export async function showSpool(_: readonly string[], options: StatusOptions): Promise<ExitCode> {
  const { waiting, aside } = await withSpool(options, async (spool) => ({
    waiting: spool.waiting(),
    aside: Array.from(spool.aside(), refusalOf),
  }));
  if (options.json === true) await writeJson({ waiting: waiting.map(depthForPeople), aside });
  else await write(`${linesOf(waiting, aside).join("\n")}\n`);
  return aside.length === 0 ? exitCodes.ok : exitCodes.problems;
}

interface StatusOptions extends SpoolOption {
  readonly json?: true;
}

type Refusal = ReturnType<typeof refusalOf>;

/** Without its entries: they are for an export. */
function refusalOf({ id, log, entries, epoch, code, reason, asideAtMs }: AsideBatch) {
  return {
    batch: id,
    ...log,
    entries: entries.length,
    ...(epoch === undefined ? {} : { epoch }),
    code,
    reason,
    asideAtMs,
  };
}

function depthForPeople({ lastId: _, ...depth }: SpoolDepth): object {
  return depth;
}

function linesOf(waiting: readonly SpoolDepth[], aside: readonly Refusal[]): string[] {
  const entries = waiting.reduce((sum, depth) => sum + depth.entries, 0);
  const since = Math.min(...waiting.map(({ sinceMs }) => sinceMs));
  const first =
    entries === 0 ? "Nothing waits." : `${counted(entries, "entry")} waiting since ${localTime(since)}.`;
  if (aside.length === 0) return [first];
  const rows = aside.map((one) => [
    String(one.batch),
    localTime(one.asideAtMs),
    harmlessLine(one.session),
    harmlessLine(one.log === "" ? "main" : one.log),
    String(one.entries),
    shownText(one.reason),
  ]);
  return [first, ...table([["BATCH", "REFUSED", "SESSION", "LOG", "ENTRIES", "REASON"], ...rows])];
}
