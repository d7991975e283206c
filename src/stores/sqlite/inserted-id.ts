import type { Connection } from "./connection.ts";

/** The id of the row that was inserted last: a RETURNING would make a table for it, at three times the price. */
export function insertedId(connection: Connection): number {
  return connection.get<{ id: number }>("SELECT last_insert_rowid() AS id")!.id;
}
