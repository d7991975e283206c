import { reconcile, type ReconcileReport } from "../../runtime/reconcile.ts";
import type { Reconciled } from "../../runtime/recover-run.ts";
import { wholeNumber } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import type { PricesOption } from "../price-table.ts";
import { recoveryOf } from "../recovery.ts";
import { runForPeople } from "../run-table.ts";
import { type StoreOption, withStore } from "../store.ts";
import { shownText } from "../timeline.ts";

/** Ends the runs that nobody runs any more; ends with 3 while runs wait for an operator. */
export async function reconcileRuns(_: readonly string[], options: ReconcileOptions): Promise<ExitCode> {
  const { dryRun = false } = options;
  const limit =
    options.limit === undefined ? {} : { limit: wholeNumber(options.limit, "--limit", 1, 1_000_000) };
  const report = await withStore(options, (store) =>
    reconcile({ ...recoveryOf(store, options), dryRun, ...limit }),
  );
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
  const open = `${counted(looked, "open run")}, ${live} of them at work.`;
  return [
    ...runs.map((one) => lineOf(one, verb)),
    runs.length === 0 ? `Nothing to do: ${open}` : `${dryRun ? "Looked at" : "Went through"} ${open}`,
    ...(more ? ["There are more: run it again."] : []),
    ...(held === 0 ? [] : [heldLine(held, dryRun)]),
  ];
}

function heldLine(held: number, dryRun: boolean): string {
  const count = `${counted(held, "run")} ${dryRun ? "would wait" : held === 1 ? "waits" : "wait"}`;
  return `${count} for you: holdfast runs list --state held, then holdfast runs resolve.`;
}

function lineOf(one: Reconciled, verb: string): string {
  const { run, result } = one;
  const name = `${harmlessLine(run.id)} of ${harmlessLine(run.session)}`;
  switch (result) {
    case "committed":
      return `${name}: ${verb}committed, ${counted(one.entries, "entry")}.`;
    case "interrupted":
      return `${name}: ${verb}interrupted, ${counted(one.closers, "entry")} to close it; its input is ${one.input}.`;
    case "held":
      return `${name}: ${verb}held: ${shownText(one.message)}`;
    case "skipped":
      return `${name}: left alone, ${one.because === "leased" ? "another one has it" : "it has ended"}.`;
    case "failed":
      return `${name}: failed: ${shownText(one.message)}`;
  }
}
