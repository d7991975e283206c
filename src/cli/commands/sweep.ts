import { type SweepReport, sweepStore } from "../../runtime/sweep.ts";
import { usage } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";
import { projectionNames } from "../projections.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Removes what belongs to nothing any more, and says why. */
export async function sweep(_: readonly string[], options: SweepOptions): Promise<ExitCode> {
  const { dryRun = false } = options;
  const names = options.projections === undefined ? {} : { projections: namesIn(options.projections) };
  const report = await withStore(options, (store) => sweepStore({ store, dryRun, ...names }));
  if (options.json === true) await writeJson({ ...report });
  else await write(`${linesOf(report).join("\n")}\n`);
  return exitCodes.ok;
}

interface SweepOptions extends StoreOption {
  readonly projections?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** This program's own projections are always kept. @throws usage */
function namesIn(text: string): readonly string[] {
  const names = text.split(",").map((name) => name.trim());
  if (names.includes(""))
    throw usage("--projections has an empty name.", "Part the names by commas, or leave it out.");
  return [...new Set([...projectionNames, ...names])];
}

function linesOf({ dryRun, removed }: SweepReport): string[] {
  if (removed.length === 0) return ["Nothing to sweep."];
  const verb = dryRun ? "Would remove" : "Removed";
  return removed.map(({ kind, count, why }) => {
    const noun = `${kind.replaceAll("_", " ")}${count === 1 ? "" : "s"}`;
    return `${verb} ${count.toLocaleString("en-US")} ${noun}: ${why}`;
  });
}
