import { resolveRun, type ResolveRunParams } from "../../runtime/resolve.ts";
import { actor } from "../actor.ts";
import type { DecidedStep } from "../../runtime/decide-steps.ts";
import { shown, usage } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";
import type { PricesOption } from "../price-table.ts";
import { recoveryOf } from "../recovery.ts";
import { runForPeople } from "../run-table.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Ends a held or lapsed run as an operator decides. */
export async function resolve([id = ""]: readonly string[], options: ResolveOptions): Promise<ExitCode> {
  const as = decisionOf(options);
  const { reason } = options;
  const steps = stepsOf(options);
  await withStore(options, async (store) => {
    const decision = { run: id, as, reason, steps, actor: actor() };
    const { run, input, alreadyClosed } = await resolveRun({ ...recoveryOf(store, options), ...decision });
    if (options.json === true)
      return await writeJson({
        run: runForPeople({ ...run, lapsed: false }),
        input: input ?? null,
        alreadyClosed,
      });
    const before = alreadyClosed ? " already" : "";
    const rest = input === undefined ? "" : `; its input is ${input}`;
    await write(`The run ${shown(id)} is${before} ${run.state}${rest}.\n`);
  });
  return exitCodes.ok;
}

interface ResolveOptions extends StoreOption, PricesOption {
  readonly commit?: true;
  readonly discard?: true;
  readonly resume?: true;
  readonly step?: readonly string[];
  readonly result?: string;
  readonly reason: string;
  readonly json?: true;
}

function decisionOf(options: ResolveOptions): ResolveRunParams["as"] {
  const [as, ...others] = (["commit", "discard", "resume"] as const).filter((one) => options[one] === true);
  if (as !== undefined && others.length === 0) return as;
  throw usage(
    "A run is ended in one way.",
    "Give one of --commit, --discard and --resume; holdfast help runs resolve says what they do.",
  );
}

function stepsOf({ step: given = [], result, reason }: ResolveOptions): readonly DecidedStep[] {
  const steps = given.map((text) => {
    const [, step, outcome] = /^(.+)=(done|failed)$/s.exec(text) ?? [];
    if (step === undefined)
      throw usage(
        `--step is no step and its outcome: ${shown(text)}.`,
        "Give both, such as --step deploy=done.",
      );
    return { step, isDone: outcome === "done" };
  });
  if (result !== undefined && (steps.length !== 1 || !steps[0]!.isDone))
    throw usage("--result is of one step that is done.", "Give one --step that ends in =done with it.");
  const value = result === undefined ? null : valueOf(result);
  return steps.map(({ step, isDone }) => ({
    step,
    outcome: isDone ? { ok: true, value } : { ok: false, message: reason },
  }));
}

function valueOf(result: string): unknown {
  try {
    return JSON.parse(result) as unknown;
  } catch {
    throw usage(`--result is no JSON: ${shown(result)}.`, "Quote a text twice, such as '\"done\"'.");
  }
}
