import { HoldfastError } from "../../../core/errors.ts";
import type { Connection } from "../connection.ts";

/** Makes the tables of a new spool, and refuses a file that is none, or a later Holdfast's. @throws store_foreign, store_too_new */
export function prepareSpool(connection: Connection): void {
  const schema = connection.get<{ user_version: number }>("PRAGMA user_version")!.user_version;
  const id = connection.get<{ application_id: number }>("PRAGMA application_id")!.application_id;
  if (schema === 0 && id === 0) return connection.exec(schemaSql);
  if (id !== spoolId) throw notASpool(connection.path);
  if (schema > latest) throw tooNew(connection.path, schema);
}

/** "SPOL" in the file's header: a spool is never taken for a store. */
const spoolId = 0x53504f4c;
const latest = 1;

const schemaSql = `
  PRAGMA journal_mode = WAL;
  BEGIN IMMEDIATE;
  CREATE TABLE IF NOT EXISTS batch (
    id INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    session TEXT NOT NULL,
    log TEXT NOT NULL,
    name TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    options TEXT NOT NULL,
    count INTEGER NOT NULL,
    length INTEGER NOT NULL,
    aside_at_ms INTEGER,
    code TEXT,
    reason TEXT,
    times TEXT NOT NULL,
    uuids TEXT,
    bodies TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS batch_waiting ON batch (project, session, id) WHERE aside_at_ms IS NULL;
  CREATE INDEX IF NOT EXISTS batch_aside ON batch (id) WHERE aside_at_ms IS NOT NULL;
  CREATE TABLE IF NOT EXISTS steering (retries INTEGER NOT NULL) STRICT;
  INSERT INTO steering SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM steering);
  PRAGMA application_id = ${spoolId};
  PRAGMA user_version = ${latest};
  COMMIT`;

function notASpool(path: string): HoldfastError {
  return new HoldfastError({
    code: "store_foreign",
    message: `The file is a database, but no spool: ${path}.`,
    next: "Name another folder; the file was left as it is.",
    data: { path },
  });
}

function tooNew(path: string, schema: number): HoldfastError {
  return new HoldfastError({
    code: "store_too_new",
    message: `The spool has schema ${schema}, and this Holdfast knows ${latest}: ${path}.`,
    next: "Update Holdfast; the file was left as it is.",
    data: { schema, latest },
  });
}
