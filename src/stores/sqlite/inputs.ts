import type { SQLInputValue } from "node:sqlite";
import { checkLimit } from "../../core/checks.ts";
import type { Input, InputsParams } from "../../core/input.ts";
import type { Connection } from "./connection.ts";
import { allInputs, numberOf } from "./input.ts";

/** Inputs, newest first. */
export function inputs(
  connection: Connection,
  { session, key, input, state, limit = 50 }: InputsParams,
): Input[] {
  checkLimit(limit, 1000);
  const given: [string, SQLInputValue | undefined][] = [
    ["project = ?", session?.project],
    ["session = ?", session?.session],
    ["key = ?", key],
    ["id = ?", input === undefined ? undefined : numberOf(input)],
    ["state = ?", state],
  ];
  const used = given.filter((pair): pair is [string, SQLInputValue] => pair[1] !== undefined);
  const where = used.length === 0 ? "" : `WHERE ${used.map(([condition]) => condition).join(" AND ")}`;
  return allInputs(connection, `${where} ORDER BY id DESC LIMIT ?`, ...used.map(([, value]) => value), limit);
}
