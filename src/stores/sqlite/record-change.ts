import type { SessionKey } from "../../core/ids.ts";
import type { Change } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** Adds one row to the change feed; inside the write's own transaction, so the feed has no gaps and never leads. */
export function recordChange(
  connection: Connection,
  { key, atMs, kind, log, from, to, of }: RecordChangeParams,
): void {
  connection.perform(
    changeSql,
    atMs,
    kind,
    key.project,
    key.session,
    log ?? null,
    from ?? null,
    to ?? null,
    of ?? null,
  );
}

interface RecordChangeParams extends Omit<Change, "seq" | "project" | "session"> {
  readonly key: SessionKey;
}

const changeSql = `
  INSERT INTO change (at_ms, kind, project, session, log, first_seq, last_seq, subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
