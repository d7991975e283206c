import { systemClock } from "../../core/clock.ts";
import type { SessionPage, SessionsFilter, Store } from "../../core/store.ts";
import { pointInTime, wholeNumber } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { say, write, writeJson } from "../output.ts";
import { rowForPeople, sessionTable } from "../session-table.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Lists one page of sessions, newest first. */
export async function list(_: readonly string[], options: ListOptions): Promise<ExitCode> {
  const limit = wholeNumber(options.limit, "--limit", 1, 1000);
  const filter = filterOf(options);
  const { page, statistics } = await withStore(options, async (store) => {
    const found = await store.sessions({
      filter,
      limit,
      ...(options.cursor === undefined ? {} : { cursor: options.cursor }),
    });
    return { page: found, statistics: options.stats === true ? await statisticsIn(store, found) : undefined };
  });
  if (options.json === true) {
    const rows = page.sessions.map((row, at) => ({
      ...rowForPeople(row),
      ...(statistics === undefined ? {} : { statistics: statistics[at] ?? null }),
    }));
    await writeJson({ ...page, sessions: rows });
    return exitCodes.ok;
  }
  if (page.sessions.length === 0) say("No session matches. Run holdfast import to bring transcripts in.");
  else await write(`${sessionTable(page.sessions, statistics).join("\n")}\n`);
  if (page.cursor !== undefined) say(`More: the same command with --cursor ${page.cursor}`);
  return exitCodes.ok;
}

interface ListOptions extends StoreOption {
  readonly project?: string;
  readonly provider?: string;
  readonly title?: string;
  readonly since?: string;
  readonly stats?: true;
  readonly limit: string;
  readonly cursor?: string;
  readonly json?: true;
}

// A list without statistics does not pay for the projections' modules.
async function statisticsIn(store: Store, { sessions }: SessionPage) {
  const { catchUp } = await import("../projections.ts");
  const { statisticsName, statisticsOf } = await import("../../runtime/session-statistics.ts");
  await catchUp(store, statisticsName, {});
  return await Promise.all(sessions.map(({ project, session }) => statisticsOf(store, { project, session })));
}

function filterOf({ project, provider, title, since }: ListOptions): SessionsFilter {
  return {
    ...(project === undefined ? {} : { project }),
    ...(provider === undefined ? {} : { provider }),
    ...(title === undefined ? {} : { title }),
    ...(since === undefined ? {} : { sinceMs: pointInTime(since, "--since", systemClock.now()) }),
  };
}
