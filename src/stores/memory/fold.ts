import type { EntryInput } from "../../core/entry.ts";
import type { Fold } from "../../core/store.ts";
import type { StoredSession } from "./state.ts";

/** What an append to the main log makes of the session's summary and title; one that missed entries stays and counts as stale. */
export function foldInto(session: StoredSession, { to, appended, fold }: FoldParams): Partial<StoredSession> {
  if (fold === undefined) return { mainHead: to };
  const complete = session.summaryHead === session.mainHead;
  const copies = appended.map((entry) => ({ ...entry }));
  const folded = fold({ summary: complete ? session.summary : null, title: session.title }, copies);
  const title = session.titleByUser ? session.title : folded.title;
  if (!complete || folded.summary === null) return { mainHead: to, title };
  return { mainHead: to, title, summary: folded.summary, summaryHead: to };
}

/** The same for what a run has staged in the main log, with entries that are to come behind it. */
export function foldTail(
  session: StoredSession,
  { closers = [], fold }: FoldTailParams,
): Partial<StoredSession> {
  const main = session.logs.get("");
  const staged = main?.entries.slice(main.committed) ?? [];
  const appended = [...staged.map(({ seq: _seq, ...entry }): EntryInput => entry), ...closers];
  if (appended.length === 0) return {};
  return foldInto(session, { to: (main?.committed ?? 0) + appended.length, appended, fold });
}

interface FoldParams {
  readonly to: number;
  readonly appended: readonly EntryInput[];
  readonly fold: Fold | undefined;
}

interface FoldTailParams {
  readonly closers?: readonly EntryInput[];
  readonly fold: Fold | undefined;
}
