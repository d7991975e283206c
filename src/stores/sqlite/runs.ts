import type { SQLInputValue } from "node:sqlite";
import { checkLimit } from "../../core/checks.ts";
import { decodeCursor, encodeCursor } from "../../core/cursor.ts";
import type { RunPage, RunsParams } from "../../core/run.ts";
import type { Connection } from "./connection.ts";
import { allRuns } from "./run.ts";

/** One page of runs, newest first. */
export function runs(connection: Connection, { session, state, limit = 50, cursor }: RunsParams): RunPage {
  checkLimit(limit, 1000);
  const filterKey = JSON.stringify([
    "runs",
    session?.project ?? null,
    session?.session ?? null,
    state ?? null,
  ]);
  const given: [string, SQLInputValue | undefined][] = [
    ["project = ?", session?.project],
    ["session = ?", session?.session],
    ["state = ?", state],
    ["id < ?", cursor === undefined ? undefined : decodeCursor(cursor, filterKey).rowId],
  ];
  const used = given.filter((pair): pair is [string, SQLInputValue] => pair[1] !== undefined);
  const where = used.length === 0 ? "" : `WHERE ${used.map(([condition]) => condition).join(" AND ")}`;
  const values = used.map(([, value]) => value);
  const rows = allRuns(connection, `${where} ORDER BY run.id DESC LIMIT ?`, ...values, limit + 1);
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const found = page.map(({ run }) => run);
  if (rows.length <= limit || last === undefined) return { runs: found };
  const position = { updatedAtMs: last.run.startedAtMs, rowId: last.rowId };
  return { runs: found, cursor: encodeCursor(position, filterKey) };
}
