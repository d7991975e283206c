import type { ProjectionRunner } from "../runtime/projection-runner.ts";
import type { ProjectionStatus } from "../runtime/projection.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { harmlessLine } from "./harmless.ts";
import { write, writeJson } from "./output.ts";
import type { PricesOption } from "./price-table.ts";
import { behind, projectionRunner } from "./projections.ts";
import { type StoreOption, withStore } from "./store.ts";

/** The options of a command that steers one projection. */
export interface SteerOptions extends StoreOption, PricesOption {
  readonly json?: true;
}

/** Steers a projection, and tells where it stands then; ends with 3 where an error stops it. */
export async function steer(
  options: SteerOptions,
  done: string,
  act: (runner: ProjectionRunner) => Promise<ProjectionStatus>,
): Promise<ExitCode> {
  const status = await withStore(options, (store) => act(projectionRunner(store, options)));
  const { name, lag, error } = status;
  if (options.json === true) await writeJson({ projection: status });
  else if (error !== undefined) await write(`${behind(status)}\n`);
  else {
    const far = lag === 0 ? "" : `, ${lag.toLocaleString("en-US")} changes behind`;
    await write(`The projection ${harmlessLine(name)} ${done}${far}.\n`);
  }
  return error === undefined ? exitCodes.ok : exitCodes.problems;
}
