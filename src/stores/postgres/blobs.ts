import { checkTombstone } from "../../core/checks.ts";
import type { PutBlobParams } from "../../core/store.ts";
import type { Query } from "./client.ts";
import { sha256 } from "./hash.ts";
import type { LockedSession } from "./in-session.ts";
import { findTombstone } from "./tombstone.ts";

/** Stores bytes once under their hash, and remembers which session needs them. */
export async function putBlob(
  { query, key, now }: LockedSession,
  { bytes }: PutBlobParams,
): Promise<{ readonly blob: string }> {
  checkTombstone(await findTombstone(query, key), key);
  const blob = `sha256-${sha256(bytes)}`;
  // Bytes that are there already need not travel again.
  const { count } = await query(lockSql, blob);
  if (count === 0) await query(blobSql, blob, bytes);
  await query(refSql, key.project, key.session, blob, now);
  return { blob };
}

/** The bytes, or null where no session needs them any more. */
export async function getBlob(query: Query, { blob }: { readonly blob: string }): Promise<Uint8Array | null> {
  const [row] = await query<{ bytes: Uint8Array }>("SELECT bytes FROM hf.blob WHERE id = $1", blob);
  return row === undefined ? null : new Uint8Array(row.bytes);
}

/** Removes those of the blobs that no session holds any more, and tells how many. */
export async function freeBlobs(query: Query, blobs: readonly string[]): Promise<number> {
  if (blobs.length === 0) return 0;
  const given = JSON.stringify(blobs);
  const [, freed] = await Promise.all([query(lockAllSql, given), query(freeSql, given)]);
  return freed.count;
}

// Whoever puts a blob locks its row before he says that he holds it, and whoever frees it locks it before he looks who
// does: neither can miss the other. The conflict's own lock holds although nothing is updated.
const lockSql = "SELECT FROM hf.blob WHERE id = $1 FOR KEY SHARE";
const blobSql = `
  INSERT INTO hf.blob AS b (id, bytes) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET bytes = b.bytes WHERE false`;
const refSql = `
  INSERT INTO hf.blob_ref (project, session, blob_id, at_ms) VALUES ($1, $2, $3, $4)
  ON CONFLICT (project, session, blob_id) DO UPDATE SET at_ms = excluded.at_ms`;
const idsSql = "(SELECT jsonb_array_elements_text($1::text::jsonb))";
const lockAllSql = `SELECT FROM hf.blob WHERE id IN ${idsSql} ORDER BY id FOR UPDATE`;
const freeSql = `
  DELETE FROM hf.blob b WHERE id IN ${idsSql} AND NOT EXISTS (SELECT FROM hf.blob_ref r WHERE r.blob_id = b.id)`;
