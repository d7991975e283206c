import { wholeNumber } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write } from "../output.ts";
import { type SpoolOption, withSpool } from "../spool.ts";

/** Lets refused batches wait again, for whoever ships the spool. */
export async function retrySpool([batch]: readonly string[], options: SpoolOption): Promise<ExitCode> {
  const only = batch === undefined ? undefined : wholeNumber(batch, "The batch", 1, Number.MAX_SAFE_INTEGER);
  const count = await withSpool(options, async (spool) => {
    const ids = only === undefined ? Array.from(spool.aside(), ({ id }) => id) : [only];
    return await spool.retry(ids);
  });
  await write(count === 0 ? "Nothing was refused.\n" : `${counted(count, "batch")} waiting again.\n`);
  return exitCodes.ok;
}
