import { reconcile, type ReconcileParams, type ReconcileReport } from "../../runtime/reconcile.ts";
import { agentRegistry, leftoversBy } from "../agents.ts";
import { wholeNumber } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";
import type { PricesOption } from "../price-table.ts";
import { leftoverLines, recoveredLine } from "../recovered-line.ts";
import { recoveryOf } from "../recovery.ts";
import { runForPeople } from "../run-table.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Ends the runs that nobody runs any more; ends with 3 while runs wait for an operator. */
export async function reconcileRuns(_: readonly string[], options: ReconcileOptions): Promise<ExitCode> {
  const { dryRun = false } = options;
  const limit =
    options.limit === undefined ? {} : { limit: wholeNumber(options.limit, "--limit", 1, 1_000_000) };
  const report = await reconciled(options, { dryRun, ...limit });
  if (options.json === true) await writeJson(reportForPeople(report));
  else await write(`${linesOf(report).join("\n")}\n`);
  const failed = report.runs.some(({ result }) => result === "failed");
  return heldIn(report) > 0 || failed ? exitCodes.problems : exitCodes.ok;
}

interface ReconcileOptions extends StoreOption, PricesOption {
  readonly dryRun?: true;
  readonly limit?: string;
  readonly json?: true;
}

async function reconciled(
  options: ReconcileOptions,
  how: Pick<ReconcileParams, "dryRun" | "limit">,
): Promise<ReconcileReport> {
  const registry = agentRegistry();
  try {
    return await withStore(options, (store) =>
      reconcile({ ...recoveryOf(store, options), ...how, leftoversOf: leftoversBy(registry) }),
    );
  } finally {
    await registry.close();
  }
}

function reportForPeople(report: ReconcileReport): Readonly<Record<string, unknown>> {
  const runs = report.runs.map(({ run, ...rest }) => ({
    ...rest,
    run: runForPeople({ ...run, lapsed: true }),
  }));
  return { ...report, held: heldIn(report), runs };
}

/** How many runs are held, or in a dry run would be. */
function heldIn({ dryRun, held, runs }: ReconcileReport): number {
  return dryRun ? held + runs.filter(({ result }) => result === "held").length : held;
}

function linesOf(report: ReconcileReport): string[] {
  const { dryRun, runs, looked, live, more } = report;
  const held = heldIn(report);
  const verb = dryRun ? "would be " : "";
  const dead = live === 0 ? "" : " One whose worker has died is ended once its lease has lapsed.";
  const open = `${counted(looked, "open run")}, ${live} of them at work.${dead}`;
  return [
    ...runs.flatMap((one) => [recoveredLine(one, verb), ...leftoverLines(one)]),
    runs.length === 0 ? `Nothing to do: ${open}` : `${dryRun ? "Looked at" : "Went through"} ${open}`,
    ...(more ? ["There are more: run it again."] : []),
    ...(held === 0 ? [] : [heldLine(held, dryRun)]),
  ];
}

function heldLine(held: number, dryRun: boolean): string {
  const count = `${counted(held, "run")} ${dryRun ? "would wait" : held === 1 ? "waits" : "wait"}`;
  return `${count} for you: holdfast runs list --state held, then holdfast runs resolve.`;
}
