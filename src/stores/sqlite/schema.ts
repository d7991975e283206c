import { HoldfastError } from "../../core/errors.ts";
import type { Connection } from "./connection.ts";

/** The schema this program writes: the number of files in migrations/. */
export const latestSchema = 2;

/** "HOLD" in the file's header, so that another program's database is never taken for a store. */
export const applicationId = 0x484f4c44;

/** The schema of the open file; 0 for a new one. */
export function schemaOf(connection: Connection): number {
  return connection.get<{ user_version: number }>("PRAGMA user_version")!.user_version;
}

/** Refuses a file that is another program's, or a later Holdfast's, before anything is changed. */
export function checkFile(connection: Connection, latest: number): number {
  const schema = schemaOf(connection);
  const id = connection.get<{ application_id: number }>("PRAGMA application_id")!.application_id;
  const isNew = schema === 0 && id === 0;
  if (!isNew && id !== applicationId) throw foreign(connection.path);
  if (isNew && tablesOf(connection) > 0) throw foreign(connection.path);
  if (schema <= latest) return schema;
  throw new HoldfastError({
    code: "store_too_new",
    message: `The store has schema ${schema}, and this Holdfast knows ${latest}: ${connection.path}.`,
    next: "Update Holdfast; the file was left as it is.",
    data: { schema, latest },
  });
}

function tablesOf(connection: Connection): number {
  const row = connection.get<{ n: number }>("SELECT count(*) AS n FROM sqlite_master");
  // Between the two reads another process may have made the store.
  return schemaOf(connection) > 0 ? 0 : row!.n;
}

function foreign(path: string): HoldfastError {
  return new HoldfastError({
    code: "store_foreign",
    message: `The file is a database, but not of Holdfast: ${path}.`,
    next: "Name another path; the file was left as it is.",
    data: { path },
  });
}
