import type { SQLInputValue } from "node:sqlite";

/** The WHERE of those conditions whose one value was given, with the values in their order. */
export function whereOf(conditions: readonly (readonly [string, SQLInputValue | undefined])[]): Where {
  const given = conditions.filter((pair): pair is readonly [string, SQLInputValue] => pair[1] !== undefined);
  const sql = given.map(([condition]) => condition).join(" AND ");
  return { where: sql === "" ? "" : `WHERE ${sql}`, values: given.map(([, value]) => value) };
}

/** For a limit that is bound: behind a bare `?` SQLite prepares the statement anew at each call. */
export const limited = "LIMIT +?";

interface Where {
  readonly where: string;
  readonly values: readonly SQLInputValue[];
}
