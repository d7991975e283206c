import type { SessionKey } from "../../core/ids.ts";
import type { SessionRow } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** One session's catalogue row. */
export function session(connection: Connection, key: SessionKey): SessionRow | null {
  const row = findSession(connection, key);
  return row === undefined ? null : toSessionRow(row);
}

/** The stored row with its id. */
export function findSession(connection: Connection, key: SessionKey): StoredSession | undefined {
  return connection.get<StoredSession>(
    `${sessionColumnsSql} WHERE project = ? AND session = ?`,
    key.project,
    key.session,
  );
}

/** The row as the port shows it. */
export function toSessionRow(row: StoredSession): SessionRow {
  return {
    project: row.project,
    session: row.session,
    provider: row.provider,
    title: row.title,
    labels: JSON.parse(row.labels) as Record<string, string>,
    summary: row.summary_head === row.main_head ? row.summary : null,
    createdAtMs: row.created_at_ms,
    updatedAtMs: row.updated_at_ms,
    mainHead: row.main_head,
    entries: row.entries,
    length: row.length,
  };
}

export interface StoredSession extends SessionKey {
  readonly id: number;
  readonly provider: string;
  readonly title: string | null;
  readonly labels: string;
  readonly summary: string | null;
  readonly summary_head: number;
  readonly main_head: number;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly entries: number;
  readonly length: number;
}

export const sessionColumnsSql = `
  SELECT id, project, session, provider, title, labels, summary, summary_head, main_head,
    created_at_ms, updated_at_ms, entries, length FROM session`;
