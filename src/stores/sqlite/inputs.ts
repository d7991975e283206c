import { checkLimit } from "../../core/checks.ts";
import type { Input, InputsParams } from "../../core/input.ts";
import type { Connection } from "./connection.ts";
import { allInputs, numberOf } from "./input.ts";
import { whereOf } from "./where.ts";

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
    ["state = ?", state],
  ]);
  return allInputs(connection, `${where} ORDER BY id DESC LIMIT ?`, ...values, limit);
}
