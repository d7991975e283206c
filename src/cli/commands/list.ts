import { systemClock } from "../../core/clock.ts";
import type { SessionsFilter } from "../../core/store.ts";
import { pointInTime, wholeNumber } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { say, write, writeJson } from "../output.ts";
import { rowForPeople, sessionTable } from "../session-table.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Lists one page of sessions, newest first. */
export async function list(_: readonly string[], options: ListOptions): Promise<ExitCode> {
  const limit = wholeNumber(options.limit, "--limit", 1, 1000);
  const filter = filterOf(options);
  const page = await withStore(options, (store) =>
    store.sessions({ filter, limit, ...(options.cursor === undefined ? {} : { cursor: options.cursor }) }),
  );
  if (options.json === true) {
    await writeJson({ ...page, sessions: page.sessions.map(rowForPeople) });
    return exitCodes.ok;
  }
  if (page.sessions.length === 0) say("No session matches. Run holdfast import to bring transcripts in.");
  else await write(`${sessionTable(page.sessions).join("\n")}\n`);
  if (page.cursor !== undefined) say(`More: the same command with --cursor ${page.cursor}`);
  return exitCodes.ok;
}

interface ListOptions extends StoreOption {
  readonly project?: string;
  readonly provider?: string;
  readonly title?: string;
  readonly since?: string;
  readonly limit: string;
  readonly cursor?: string;
  readonly json?: true;
}

function filterOf({ project, provider, title, since }: ListOptions): SessionsFilter {
  return {
    ...(project === undefined ? {} : { project }),
    ...(provider === undefined ? {} : { provider }),
    ...(title === undefined ? {} : { title }),
    ...(since === undefined ? {} : { sinceMs: pointInTime(since, "--since", systemClock.now()) }),
  };
}
