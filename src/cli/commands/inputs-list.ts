import type { InputState } from "../../core/input.ts";
import { wholeNumber } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { say, write, writeJson } from "../output.ts";
import { inputTable } from "../run-table.ts";
import type { SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";
import { waitsOf } from "../waiting.ts";
import { listedSession } from "../work-session.ts";

/** Lists what agents are asked, newest first. */
export async function listInputs(_: readonly string[], options: InputsOptions): Promise<ExitCode> {
  const limit = wholeNumber(options.limit, "--limit", 1, 1000);
  const { state } = options;
  const { inputs, waits } = await withStore(options, async (store) => {
    const found = await store.inputs({
      limit,
      ...(await listedSession(store, options)),
      ...(state === undefined ? {} : { state }),
    });
    return { inputs: found, waits: await waitsOf(store, found) };
  });
  if (options.json === true)
    await writeJson({ inputs: inputs.map((input) => ({ ...input, waitsFor: waits.get(input.id) ?? null })) });
  else if (inputs.length === 0) say("No input matches.");
  else await write(`${inputTable(inputs, waits).join("\n")}\n`);
  return exitCodes.ok;
}

interface InputsOptions extends StoreOption, SessionOption {
  readonly session?: string;
  readonly state?: InputState;
  readonly limit: string;
  readonly json?: true;
}
