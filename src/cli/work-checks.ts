import type { Run, RunState } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import type { ProjectionStatus } from "../runtime/projection.ts";
import type { Check } from "./check.ts";
import { counted } from "./columns.ts";
import { gitCheckpointsName } from "./git-checkpoints.ts";
import { behind, projectionRunner } from "./projections.ts";
import { shownRun } from "./run-table.ts";

/** Looks for runs that keep others waiting, and for projections that stand still. */
export async function workChecks(store: Store): Promise<Check[]> {
  const statuses = await projectionRunner(store, {}).list();
  return [...(await runChecks(store)), ...projectionChecks(statuses)];
}

async function runChecks(store: Store): Promise<Check[]> {
  const held = await runsIn(store, "held");
  const shown = await Promise.all((await runsIn(store, "running")).map((run) => shownRun(store, run)));
  const lapsed = shown.filter((run) => run.lapsed);
  if (held.length === 0 && lapsed.length === 0)
    return [{ check: "runs", state: "ok", message: `${counted(shown.length, "run")} at work, none waits.` }];
  return [
    ...problem(held, "held", (id) => `run holdfast runs show ${id}, then holdfast runs resolve ${id}`),
    ...problem(lapsed, "left by its worker", () => "run holdfast reconcile"),
  ];
}

function problem(runs: readonly Run[], how: string, next: (id: string) => string): Check[] {
  const [first] = runs;
  if (first === undefined) return [];
  const message = `${counted(runs.length, "run")} ${how}: ${next(first.id)}.`;
  return [{ check: "runs", state: "problem", message }];
}

async function runsIn(store: Store, state: RunState): Promise<readonly Run[]> {
  const found: Run[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await store.runs({ state, limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.runs);
    cursor = page.cursor;
    if (cursor === undefined) return found;
  }
}

function projectionChecks(statuses: readonly ProjectionStatus[]): Check[] {
  const stopped = statuses.filter(({ error, paused }) => error !== undefined || paused);
  const told = stopped.map((status): Check => ({
    check: "projections",
    state: status.error === undefined ? "advice" : "problem",
    message: behind(status),
  }));
  if (told.length > 0) return told;
  // Git checkpoints are followed only where somebody has asked a worker for them.
  const followed = statuses.filter(
    ({ name, updatedAtMs }) => name !== gitCheckpointsName || updatedAtMs !== null,
  );
  const lag = Math.max(0, ...followed.map((status) => status.lag));
  // Nobody follows the feed all the time: whoever reads a projection takes it along first.
  const message =
    lag === 0 ? "All hold every change." : `Up to ${counted(lag, "change")} behind until they are read.`;
  return [{ check: "projections", state: "ok", message }];
}
