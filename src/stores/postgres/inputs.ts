import { checkLimit } from "../../core/checks.ts";
import type { Input, InputsParams } from "../../core/input.ts";
import type { Query } from "./client.ts";
import { allInputs, numberOf } from "./input.ts";
import { whereOf } from "./where.ts";

/** Inputs, newest first. */
export async function inputs(
  query: Query,
  { session, key, input, state, limit = 50 }: InputsParams,
): Promise<readonly Input[]> {
  checkLimit(limit, 1000);
  const { where, values } = whereOf([
    ["project = ?", session?.project],
    ["session = ?", session?.session],
    ["key = ?", key],
    ["id = ?", input === undefined ? undefined : numberOf(input)],
    ["state = ?", state],
  ]);
  return allInputs(query, `${where} ORDER BY id DESC LIMIT $${values.length + 1}`, ...values, limit);
}
