import { runsFilterKeyOf } from "../../core/boundary.ts";
import { checkLimit } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { RunPage, RunsParams } from "../../core/run.ts";
import type { Query } from "./client.ts";
import { allRuns } from "./run.ts";
import { whereOf } from "./where.ts";

/** One page of runs, newest first. */
export async function runs(
  query: Query,
  { session, state, limit = 50, cursor }: RunsParams,
): Promise<RunPage> {
  checkLimit(limit, 1000);
  const filterKey = runsFilterKeyOf({ ...(session && { session }), ...(state && { state }) });
  const { where, values } = whereOf([
    ["project = ?", session?.project],
    ["session = ?", session?.session],
    ["state = ?", state],
    ["id < ?", cursor === undefined ? undefined : decodeCursor(cursor, filterKey).rowId],
  ]);
  // The row's id: its name in the result is another column's.
  const rest = `${where} ORDER BY run.id DESC LIMIT $${values.length + 1}`;
  const rows = await allRuns(query, rest, ...values, limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const found = page.map(({ run }) => run);
  if (rows.length <= limit || last === undefined) return { runs: found };
  const position = { updatedAtMs: last.run.startedAtMs, rowId: last.rowId };
  return { runs: found, cursor: encodeCursor(position, filterKey) };
}
