import type { SessionKey } from "../../core/ids.ts";
import type { SessionRow } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** One session's catalogue row. */
export function session(connection: Connection, key: SessionKey): SessionRow | null {
  return findSession(connection, key)?.row ?? null;
}

/** The row with its id, unless there is nothing in it but what a run has staged. */
export function findSession(connection: Connection, { project, session: name }: SessionKey) {
  const where = "WHERE project = ? AND session = ? AND hidden = 0";
  const [columns] = connection.tuples<SessionColumns>(`${sessionColumnsSql} ${where}`, project, name);
  return columns === undefined ? undefined : toStoredSession(columns);
}

/** A session's row as the port shows it, and its id. */
export interface StoredSession {
  readonly id: number;
  readonly row: SessionRow;
}

export function toStoredSession(columns: SessionColumns): StoredSession {
  const [
    id,
    project,
    name,
    provider,
    title,
    labels,
    summary,
    createdAtMs,
    updatedAtMs,
    mainHead,
    entries,
    length,
    revision,
    resumeKey,
    resumeToken,
  ] = columns;
  const row = {
    project,
    session: name,
    provider,
    title,
    labels: labels === null ? {} : (JSON.parse(labels) as Record<string, string>),
    summary,
    createdAtMs,
    updatedAtMs,
    mainHead,
    entries,
    length,
    revision,
    resumeKey,
    resumeToken,
  };
  return { id, row };
}

export type SessionColumns = readonly [
  id: number,
  project: string,
  session: string,
  provider: string,
  title: string | null,
  labels: string | null,
  summary: string | null,
  createdAtMs: number,
  updatedAtMs: number,
  mainHead: number,
  entries: number,
  length: number,
  revision: number,
  resumeKey: string | null,
  resumeToken: string | null,
];

/** In the order of `SessionColumns`; most sessions have no labels, and a summary that missed entries counts as none. */
export const sessionColumnsSql = `
  SELECT id, project, session, provider, title, nullif(labels, '{}'),
    CASE summary_head WHEN main_head THEN summary END,
    created_at_ms, updated_at_ms, main_head, entries, length, revision, resume_key, resume_token
  FROM session`;
