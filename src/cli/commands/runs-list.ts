import type { RunState } from "../../core/run.ts";
import type { Store } from "../../core/store.ts";
import { wholeNumber } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { say, write, writeJson } from "../output.ts";
import { runForPeople, runTable, shownRun } from "../run-table.ts";
import type { SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";
import { listedSession } from "../work-session.ts";

/** Lists one page of runs, newest first. */
export async function listRuns(_: readonly string[], options: RunsOptions): Promise<ExitCode> {
  const limit = wholeNumber(options.limit, "--limit", 1, 1000);
  await withStore(options, async (store) => {
    const page = await pageOf(store, options, limit);
    const { cursor } = page;
    const runs = await Promise.all(page.runs.map((run) => shownRun(store, run)));
    if (options.json === true)
      return await writeJson({
        runs: runs.map(runForPeople),
        ...(cursor === undefined ? {} : { cursor }),
      });
    if (runs.length === 0) say("No run matches.");
    else await write(`${runTable(runs).join("\n")}\n`);
    if (cursor !== undefined) say(`More: the same command with --cursor ${cursor}`);
  });
  return exitCodes.ok;
}

interface RunsOptions extends StoreOption, SessionOption {
  readonly session?: string;
  readonly state?: RunState;
  readonly limit: string;
  readonly cursor?: string;
  readonly json?: true;
}

async function pageOf(store: Store, options: RunsOptions, limit: number) {
  const { state, cursor } = options;
  return await store.runs({
    limit,
    ...(await listedSession(store, options)),
    ...(state === undefined ? {} : { state }),
    ...(cursor === undefined ? {} : { cursor }),
  });
}
