import { isHoldfastError } from "../../core/errors.ts";
import type { SessionRow, Store } from "../../core/store.ts";
import type { ClaudeSummary, FoldSessionSummary } from "./contract.ts";
import { type FoldedSummary, readSummary, writeSummary } from "./fold.ts";
import { loadLog } from "./prefetch.ts";
import { noTitles, titlePartOf, withTitlePart } from "./title.ts";

/** The project's sessions that have a main transcript, all of them, in no order that a caller may rely on. */
export async function mainSessions(store: Store, project: string): Promise<SessionRow[]> {
  const found = new Map<string, SessionRow>();
  let { sessions, cursor } = await store.sessions({ filter: { project }, limit: pageSize });
  const sinceMs = sessions[0]?.updatedAtMs ?? 0;
  for (const row of sessions) found.set(row.session, row);
  const paged = cursor !== undefined;
  while (cursor !== undefined) {
    ({ sessions, cursor } = await store.sessions({ filter: { project }, limit: pageSize, cursor }));
    for (const row of sessions) found.set(row.session, row);
  }
  // A session written between two pages moves ahead of the first: it is on no page that was read.
  if (paged) {
    ({ sessions } = await store.sessions({ filter: { project, sinceMs }, limit: pageSize }));
    for (const row of sessions) found.set(row.session, row);
  }
  return [...found.values()].filter(({ mainHead }) => mainHead > 0);
}

/** A session's summary: as it was folded, or folded anew where it missed entries; undefined where that cannot be. */
export async function summaryOf(row: SessionRow, params: SummaryParams): Promise<ClaudeSummary | undefined> {
  const kept = row.summary === null ? undefined : readSummary(row.summary);
  const data = kept?.data ?? (await refold(row, params))?.data;
  return data == null ? undefined : { sessionId: row.session, mtime: row.updatedAtMs, data };
}

export interface SummaryParams {
  readonly store: Store;
  readonly projectKey: string;
  readonly foldSummary: FoldSessionSummary | undefined;
}

const pageSize = 1000;

async function refold(row: SessionRow, params: SummaryParams): Promise<FoldedSummary | undefined> {
  const { project, session, mainHead } = row;
  const summary = await foldedAnew(row, params);
  if (summary === undefined) return undefined;
  try {
    const data = writeSummary(summary);
    await params.store.describe({ session: { project, session }, summary: { data, head: mainHead } });
    return summary;
  } catch (error) {
    // An append came in between: the SDK loads this one, and the next list folds it.
    if (isHoldfastError(error) && (error.code === "head_conflict" || error.code === "session_unknown"))
      return undefined;
    throw error;
  }
}

async function foldedAnew(row: SessionRow, params: SummaryParams): Promise<FoldedSummary | undefined> {
  const { store, projectKey, foldSummary } = params;
  if (foldSummary === undefined) return undefined;
  const entries = await loadLog(store, { project: row.project, session: row.session, log: "" });
  if (entries?.length !== row.mainHead) return undefined;
  try {
    const key = { projectKey, sessionId: row.session };
    const { data } = foldSummary(undefined, key, entries as never[], { mtime: 0 });
    return { titles: entries.map(titlePartOf).reduce(withTitlePart, noTitles), data };
  } catch {
    // A helper that fails on one session must not hide the others: the SDK loads this one.
    return undefined;
  }
}
