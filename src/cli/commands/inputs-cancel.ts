import { HoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { actor } from "../actor.ts";
import { shown } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Cancels an input that is queued, or asks the run of one to stop. */
export async function cancelInput([id = ""]: readonly string[], options: CancelOptions): Promise<ExitCode> {
  const { reason } = options;
  await withStore(options, async (store) => {
    const session = await sessionOf(store, id);
    const why = reason === undefined ? {} : { reason };
    const input = await store.cancel({ session, input: id, actor: actor(), ...why });
    if (options.json === true) return await writeJson({ input });
    const told =
      input.state === "cancelled" ? "is cancelled" : `is running: its run ${input.run} was asked to stop`;
    await write(`The input ${shown(id)} ${told}.\n`);
  });
  return exitCodes.ok;
}

interface CancelOptions extends StoreOption {
  readonly reason?: string;
  readonly json?: true;
}

/** An input is looked up by its session, which its first run tells, or the queue. @throws input_unknown */
async function sessionOf(store: Store, id: string): Promise<SessionKey> {
  const queued = async () => await store.inputs({ state: "queued", limit: 1000 });
  const cancelled = async () => await store.inputs({ state: "cancelled", limit: 1000 });
  const found =
    (await store.run({ run: `${id}.1` })) ??
    (await queued()).find((input) => input.id === id) ??
    (await cancelled()).find((input) => input.id === id);
  if (found !== undefined) return { project: found.project, session: found.session };
  throw new HoldfastError({
    code: "input_unknown",
    message: `There is no input ${shown(id)} that could be cancelled.`,
    next: "Run holdfast inputs list to see the inputs.",
    data: { input: id },
  });
}
