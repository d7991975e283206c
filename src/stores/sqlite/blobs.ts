import { checkTombstone } from "../../core/checks.ts";
import type { PutBlobParams } from "../../core/store.ts";
import type { Connection } from "./connection.ts";
import { sha256 } from "./hash.ts";
import { findTombstone } from "./tombstone.ts";

/** Stores bytes once under their hash, and remembers which session needs them. */
export function putBlob(
  connection: Connection,
  { session: key, bytes }: PutBlobParams,
  now: number,
): { blob: string } {
  checkTombstone(findTombstone(connection, key), key);
  const blob = `sha256-${sha256(bytes)}`;
  connection.run("INSERT OR IGNORE INTO blob (id, bytes) VALUES (?, ?)", blob, bytes);
  connection.run(refSql, key.project, key.session, blob, now);
  return { blob };
}

/** The bytes, or null where no session needs them any more. */
export function getBlob(connection: Connection, { blob }: { readonly blob: string }): Uint8Array | null {
  return connection.get<{ bytes: Uint8Array }>("SELECT bytes FROM blob WHERE id = ?", blob)?.bytes ?? null;
}

const refSql = "INSERT OR REPLACE INTO blob_ref (project, session, blob_id, at_ms) VALUES (?, ?, ?, ?)";
