import { spooled } from "../../open-spool.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write } from "../output.ts";
import { foldOf } from "../recovery.ts";
import { type SpoolOption, withSpool } from "../spool.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Sends what waits in a spool to the store, where no program does; ends with 3 where the store refused anything. */
export async function shipSpool(_: readonly string[], options: ShipOptions): Promise<ExitCode> {
  // Only one that is there: a mistyped folder would be a new spool, with nothing in it.
  await withSpool(options, async () => undefined);
  return await withStore(options, async (store) => {
    const spool = await spooled(store, { dir: options.dir, foldOf });
    const before = spool.status().aside;
    try {
      while (spool.status().depth.batches > 0) await drained(spool);
    } finally {
      await spool.close();
    }
    const { shipped, aside } = spool.status();
    const refused =
      aside > before ? ` ${counted(aside - before, "batch")} refused: see holdfast spool status.` : "";
    await write(`Sent ${counted(shipped, "entry")}.${refused}\n`);
    return aside > before ? exitCodes.problems : exitCodes.ok;
  });
}

type ShipOptions = SpoolOption & StoreOption;

/** A refusal is no reason to stop: the others go on. */
async function drained(spool: Awaited<ReturnType<typeof spooled>>): Promise<void> {
  const { aside } = spool.status();
  await spool.drain().catch((error: unknown) => {
    if (spool.status().aside === aside) throw error;
  });
}
