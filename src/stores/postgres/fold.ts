import type { EntryInput } from "../../core/entry.ts";
import type { Fold } from "../../core/store.ts";
import type { LockedSession } from "./in-session.ts";

/** Folds what was appended to the main log into the session's row, and gives what is there then. */
export async function foldInto(
  { query, key }: LockedSession,
  { head, to, appended, fold }: FoldParams,
): Promise<FoldRow> {
  const { project, session } = key;
  const [row] = await query<FoldRow>(foldRowSql, project, session);
  const { summary, summaryHead, title, titleByUser } = folded(row!, { head, to, appended, fold });
  await query(foldedSql, project, session, summary, summaryHead, title, title?.toLowerCase() ?? null);
  return { summary, summaryHead, title, titleByUser };
}

/** The row after a fold; a summary that missed entries stays as it is and counts as stale. */
export function folded(row: FoldRow, { head, to, appended, fold }: FoldParams): FoldRow {
  const complete = row.summaryHead === head;
  const next = fold({ summary: complete ? row.summary : null, title: row.title }, appended);
  const summarised = complete && next.summary !== null;
  return {
    summary: summarised ? next.summary : row.summary,
    summaryHead: summarised ? to : row.summaryHead,
    title: row.titleByUser ? row.title : next.title,
    titleByUser: row.titleByUser,
  };
}

export interface FoldParams {
  readonly head: number;
  readonly to: number;
  readonly appended: readonly EntryInput[];
  readonly fold: Fold;
}

/** What a fold needs of the session's row. */
export interface FoldRow {
  readonly summary: string | null;
  readonly summaryHead: number;
  readonly title: string | null;
  readonly titleByUser: boolean;
}

const foldRowSql = `
  SELECT summary, summary_head AS "summaryHead", title, title_by_user AS "titleByUser"
  FROM hf.session WHERE project = $1 AND session = $2`;
const foldedSql = `
  UPDATE hf.session SET summary = $3, summary_head = $4, title = $5, title_folded = $6
  WHERE project = $1 AND session = $2`;
