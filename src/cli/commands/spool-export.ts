import { type ExitCode, exitCodes } from "../exit-code.ts";
import { entryJson } from "../entry-json.ts";
import { write, writeStored } from "../output.ts";
import { type SpoolOption, withSpool } from "../spool.ts";

/** Prints what a store refused, entry by entry. */
export async function exportSpool(_: readonly string[], options: ExportOptions): Promise<ExitCode> {
  await withSpool(options, async (spool) => {
    for (const { id, log, code, atMs, entries } of spool.aside())
      for (const [at, { body, uuid, atMs: own = atMs }] of entries.entries()) {
        const entry = { seq: at + 1, atMs: own, body, ...(uuid === undefined ? {} : { uuid }) };
        if (options.raw === true) await writeStored(`${body}\n`);
        else await write(`${entryJson(entry, { batch: id, ...log, code })}\n`);
      }
  });
  return exitCodes.ok;
}

interface ExportOptions extends SpoolOption {
  readonly raw?: true;
}
