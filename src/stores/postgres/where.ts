import type { Value } from "./client.ts";

/** The WHERE of those conditions whose one value was given, each `?` numbered in order, with the values. */
export function whereOf(conditions: readonly (readonly [string, Value | undefined])[]): Where {
  const given = conditions.filter((pair): pair is readonly [string, Value] => pair[1] !== undefined);
  const sql = given.map(([condition], index) => condition.replaceAll("?", `$${index + 1}`)).join(" AND ");
  return { where: sql === "" ? "" : `WHERE ${sql}`, values: given.map(([, value]) => value) };
}

interface Where {
  readonly where: string;
  readonly values: readonly Value[];
}
