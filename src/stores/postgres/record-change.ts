import type { SessionKey } from "../../core/ids.ts";
import type { Change } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** Adds one row to what the change feed will show; inside the write's own transaction. */
export async function recordChange(
  query: Query,
  { key, atMs, kind, log, from, to, of }: RecordChangeParams,
): Promise<void> {
  const { project, session } = key;
  await query(changeSql, atMs, kind, project, session, log ?? null, from ?? null, to ?? null, of ?? null);
}

interface RecordChangeParams extends Omit<Change, "seq" | "project" | "session"> {
  readonly key: SessionKey;
}

const changeSql = `
  INSERT INTO hf.unnumbered (at_ms, kind, project, session, log, first_seq, last_seq, subject)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
