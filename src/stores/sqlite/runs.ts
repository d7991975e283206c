import { checkLimit } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { RunPage, RunsParams, RunState } from "../../core/run.ts";
import type { Connection } from "./connection.ts";
import { allRuns } from "./run.ts";
import { limited, whereOf } from "./where.ts";

/** One page of runs, newest first. */
export function runs(connection: Connection, { session, state, limit = 50, cursor }: RunsParams): RunPage {
  checkLimit(limit, 1000);
  const filterKey = JSON.stringify([
    "runs",
    session?.project ?? null,
    session?.session ?? null,
    state ?? null,
  ]);
  const { where, values } = whereOf([
    ["project = ?", session?.project],
    ["session = ?", session?.session],
    [state === undefined ? "" : stateSql[state], state],
    ["id < ?", cursor === undefined ? undefined : decodeCursor(cursor, filterKey).rowId],
  ]);
  const rows = allRuns(connection, `${where} ORDER BY run.id DESC ${limited}`, ...values, limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const found = page.map(({ run }) => run);
  if (rows.length <= limit || last === undefined) return { runs: found };
  const position = { updatedAtMs: last.run.startedAtMs, rowId: last.rowId };
  return { runs: found, cursor: encodeCursor(position, filterKey) };
}

// Each by what finds its few: an index of all states would be written twice a turn.
const asideSql = "state IN ('interrupted', 'discarded') AND state = ?";
const openSql = (running: 0 | 1): string =>
  `id IN (SELECT open_run FROM lane WHERE running = ${running} AND open_run IS NOT NULL) AND state = ?`;
const stateSql: Readonly<Record<RunState, string>> = {
  running: openSql(1),
  held: openSql(0),
  committed: "state = ?",
  interrupted: asideSql,
  discarded: asideSql,
};
