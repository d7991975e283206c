import type { ProjectionStatus } from "../../runtime/projection.ts";
import { localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { projectionRunner } from "../projections.ts";
import { table } from "../run-table.ts";
import { type StoreOption, withStore } from "../store.ts";
import { shownText } from "../timeline.ts";

/** Lists projections, how far behind they are, and what stops them. */
export async function listProjections(_: readonly string[], options: ListOptions): Promise<ExitCode> {
  const projections = await withStore(options, (store) => projectionRunner(store, {}).list());
  if (options.json === true) await writeJson({ projections });
  else await write(`${linesOf(projections).join("\n")}\n`);
  return exitCodes.ok;
}

interface ListOptions extends StoreOption {
  readonly json?: true;
}

function linesOf(projections: readonly ProjectionStatus[]): string[] {
  const rows = projections.map(({ name, paused, error, position, lag, updatedAtMs }) => [
    harmlessLine(name),
    paused ? "paused" : error === undefined ? "ok" : "failed",
    position.toLocaleString("en-US"),
    lag.toLocaleString("en-US"),
    updatedAtMs === null ? "never" : localTime(updatedAtMs),
    shownText(error ?? ""),
  ]);
  return table([["PROJECTION", "STATE", "POSITION", "BEHIND", "UPDATED", "ERROR"], ...rows]);
}
