import type { EntryInput } from "../../core/entry.ts";
import { isOwnLog } from "../../core/ids.ts";
import type { Fold } from "../../core/store.ts";
import { folded, type FoldRow } from "./fold.ts";
import type { LockedSession } from "./in-session.ts";
import type { RunFacts } from "./run-facts.ts";
import type { StagedLog } from "./tail.ts";

/** What a session's row gains when a run's staged entries become visible. */
export interface Published {
  readonly entries: number;
  readonly length: number;
  /** The last entry's time, or 0. */
  readonly atMs: number;
  readonly mainHead: number | null;
  readonly fold: FoldRow | undefined;
}

/** Counts what a run has staged, and folds the main log's part of it; Holdfast's own logs do not count. */
export function published({ staged, session, entries }: PublishedFacts, fold: Fold | undefined): Published {
  const counted = staged.filter(({ log }) => !isOwnLog(log));
  const main = counted.find(({ log }) => log === "");
  return {
    entries: counted.reduce((sum, { from, to }) => sum + to - from + 1, 0),
    length: counted.reduce((sum, { length }) => sum + length, 0),
    atMs: Math.max(0, ...counted.map(({ atMs }) => atMs)),
    mainHead: main?.to ?? null,
    fold: main && fold && session ? foldOf(session, { main, entries, fold }) : undefined,
  };
}

type PublishedFacts = Pick<RunFacts, "staged" | "session" | "entries">;

function foldOf(row: FoldRow, { main, entries, fold }: FoldOfParams): FoldRow {
  return folded(row, { head: main.from - 1, to: main.to, appended: entries, fold });
}

interface FoldOfParams {
  readonly main: StagedLog;
  readonly entries: readonly EntryInput[];
  readonly fold: Fold;
}

/** Makes a session visible for good; what a former one of its name left is then no more. */
export async function show({ query, key }: LockedSession): Promise<void> {
  await query(showSql, key.project, key.session);
}

const showSql = `
  WITH shown AS (
    UPDATE hf.session SET hidden = false WHERE project = $1 AND session = $2 AND hidden RETURNING project, session)
  DELETE FROM hf.tombstone t USING shown WHERE t.project = shown.project AND t.session = shown.session`;
