import { isOwnLog, type SessionKey } from "../core/ids.ts";
import type { Change, Store } from "../core/store.ts";
import { greaterUsage, type RecordUsageParams, type UsageRow } from "../core/usage.ts";
import { changedEntries } from "./changed-entries.ts";
import type { Projection } from "./projection.ts";
import type { TranscriptReader } from "./statistics-entry.ts";

export interface UsageProjectionParams {
  readonly readers: readonly TranscriptReader[];
}

/**
 * Takes the usage that committed transcripts tell into the ledger, for sessions that are only mirrored. It keeps no
 * document: a response that comes in several appends is recorded with each, and the ledger keeps the greatest.
 */
export function usageProjection({ readers }: UsageProjectionParams): Projection {
  const named = new Map(readers.map((reader) => [reader.provider, reader]));
  return {
    name: "usage",
    async apply({ store, changes }) {
      const found = new Map<string, FoundUsage>();
      for (const change of changes) {
        const rows = isTranscript(change) ? await usageIn(store, change, named) : [];
        for (const row of rows) {
          // A response is its first session's, in the order of the feed.
          const { session, row: known } = found.get(row.key) ?? { session: sessionOf(change), row };
          found.set(row.key, { session, row: greaterUsage(known, row) });
        }
      }
      // Together: a store that shares transactions then writes to disk once.
      await Promise.all(bySession(found.values()).map((params) => store.recordUsage(params)));
      return [];
    },
  };
}

interface FoundUsage {
  readonly session: SessionKey;
  readonly row: UsageRow;
}

function bySession(found: Iterable<FoundUsage>): readonly RecordUsageParams[] {
  const groups = Map.groupBy(found, ({ session: { project, session } }) =>
    JSON.stringify([project, session]),
  );
  return Array.from(groups.values(), (group) => ({
    session: group[0]!.session,
    rows: group.map(({ row }) => row),
  }));
}

function isTranscript({ kind, log = "" }: Change): boolean {
  return kind === "appended" && !isOwnLog(log);
}

function sessionOf({ project, session }: Change) {
  return { project, session };
}

async function usageIn(
  store: Store,
  change: Change,
  readers: ReadonlyMap<string, TranscriptReader>,
): Promise<readonly UsageRow[]> {
  const row = await store.session(sessionOf(change));
  const usageOf = row === null ? undefined : readers.get(row.provider)?.usageOf;
  if (usageOf === undefined) return [];
  const rows: UsageRow[] = [];
  for await (const entries of changedEntries(store, change))
    rows.push(...usageOf(entries, sessionOf(change)));
  return rows;
}
