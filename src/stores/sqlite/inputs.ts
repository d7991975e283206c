import { checkLimit } from "../../core/checks.ts";
import type { Input, InputsParams, InputState } from "../../core/input.ts";
import type { Connection } from "./connection.ts";
import { allInputs, numberOf } from "./input.ts";
import { limited, whereOf } from "./where.ts";

/** Inputs, newest first. */
export function inputs(
  connection: Connection,
  { session, key, input, state, limit = 50 }: InputsParams,
): Input[] {
  checkLimit(limit, 1000);
  const { where, values } = whereOf([
    ["project = ?", session?.project],
    ["session = ?", session?.session],
    ["key = ?", key],
    ["id = ?", input === undefined ? undefined : numberOf(input)],
    [state === undefined ? "" : stateSql[state], state],
  ]);
  return allInputs(connection, `${where} ORDER BY id DESC ${limited}`, ...values, limit);
}

// Each by what finds its few: an index of all states would be written twice a turn.
const unansweredSql = "state IN ('cancelled', 'abandoned') AND state = ?";
const stateSql: Readonly<Record<InputState, string>> = {
  queued: "id IN (SELECT q.id FROM input q WHERE q.state = 'queued') AND state = ?",
  running:
    "id IN (SELECT run.input FROM lane JOIN run ON run.id = open_run WHERE open_run IS NOT NULL) AND state = ?",
  consumed: "state = ?",
  cancelled: unansweredSql,
  abandoned: unansweredSql,
};
