import type { EntryInput } from "../../core/entry.ts";
import type { Fold } from "../../core/store.ts";
import type { Connection } from "./connection.ts";

/** Folds what was appended to the main log; a summary that missed entries stays as it is and counts as stale. */
export function foldInto(connection: Connection, { sessionId, head, to, appended, fold }: FoldParams): void {
  const row = connection.get<FoldRow>(foldRowSql, sessionId)!;
  const complete = row.summary_head === head;
  const folded = fold({ summary: complete ? row.summary : null, title: row.title }, appended);
  const summarised = complete && folded.summary !== null;
  const title = row.title_by_user === 1 ? row.title : folded.title;
  connection.run(
    foldedSql,
    summarised ? folded.summary : row.summary,
    summarised ? to : row.summary_head,
    title,
    title?.toLowerCase() ?? null,
    sessionId,
  );
}

interface FoldParams {
  readonly sessionId: number;
  readonly head: number;
  readonly to: number;
  readonly appended: readonly EntryInput[];
  readonly fold: Fold;
}

interface FoldRow {
  readonly summary: string | null;
  readonly summary_head: number;
  readonly title: string | null;
  readonly title_by_user: number;
}

const foldRowSql = "SELECT summary, summary_head, title, title_by_user FROM session WHERE id = ?";
const foldedSql = `
  UPDATE session SET summary = ?, summary_head = ?, title = ?, title_folded = ? WHERE id = ?`;
