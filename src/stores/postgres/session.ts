import type { SessionKey } from "../../core/ids.ts";
import type { SessionRow } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** One session's catalogue row. */
export async function session(query: Query, key: SessionKey): Promise<SessionRow | null> {
  return (await findSession(query, key))?.row ?? null;
}

/** The row with its id, unless there is nothing in it but what a run has staged. */
export async function findSession(
  query: Query,
  { project, session: name }: SessionKey,
): Promise<StoredSession | undefined> {
  return toStoredSessions(await query<SessionColumns>(sessionSql, project, name))[0];
}

/** A session's row as the port shows it, and its id. */
export interface StoredSession {
  readonly id: number;
  readonly row: SessionRow;
}

/** The sessions of a query's rows, in order. */
export function toStoredSessions(rows: readonly SessionColumns[]): StoredSession[] {
  // One text of all numbers is parsed several times faster than each of them.
  const all = JSON.parse(`[${rows.map(({ numbers }) => numbers).join(",")}]`) as readonly number[];
  return rows.map(({ numbers: _, labels, ...columns }, index) => {
    const at = index * numberColumns.length;
    const row = {
      ...columns,
      labels: labels === null ? {} : (JSON.parse(labels) as Record<string, string>),
      createdAtMs: all[at + 1]!,
      updatedAtMs: all[at + 2]!,
      mainHead: all[at + 3]!,
      entries: all[at + 4]!,
      length: all[at + 5]!,
      revision: all[at + 6]!,
    };
    return { id: all[at]!, row };
  });
}

export interface SessionColumns extends Omit<SessionRow, "labels" | NumberName> {
  readonly numbers: string;
  readonly labels: string | null;
}

type NumberName = "createdAtMs" | "updatedAtMs" | "mainHead" | "entries" | "length" | "revision";

const numberColumns = [
  "id",
  "created_at_ms",
  "updated_at_ms",
  "main_head",
  "entries",
  "length",
  "revision",
] as const;

/**
 * What a query of sessions gives: few columns, because each value of a row costs more than the look at the row. Most have
 * no labels, and a summary that missed entries counts as none.
 */
export const sessionColumns = `
  concat_ws(',', ${numberColumns.join(", ")}) AS numbers, project, session, provider, title,
  nullif(labels, '{}') AS labels, CASE summary_head WHEN main_head THEN summary END AS summary,
  resume_key AS "resumeKey", resume_token AS "resumeToken"`;

const sessionSql = `
  SELECT ${sessionColumns} FROM hf.session WHERE project = $1 AND session = $2 AND NOT hidden`;
