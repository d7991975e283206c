import { lstatSync } from "node:fs";
import type { TurnStore } from "../../../core/agent.ts";
import type { LogKey, SessionKey } from "../../../core/ids.ts";
import type { UsageRow } from "../../../core/usage.ts";
import { findTranscripts } from "../find-transcripts.ts";
import { contentHash } from "../content-hash.ts";
import { importTranscript } from "../import-transcript.ts";
import { StoredTranscript } from "../stored-transcript.ts";
import { readTranscript } from "../transcript-lines.ts";
import { usageOf } from "../usage.ts";

/** The session whose transcripts an earlier host has left, and the config folder that its agent wrote in. */
export interface LeftoverParams {
  readonly store: Pick<TurnStore, "read" | "scan" | "append" | "session">;
  readonly session: SessionKey;
  readonly folder: string;
  readonly sessionId: string;
  /** Whose the folder must be; default this process's user. */
  readonly uid?: number | undefined;
}

/** What the store lacked of it, and what could not be read. */
export interface LeftoverReport {
  readonly entries: number;
  /** Sentences that name file and line. */
  readonly problems: readonly string[];
  /** What the responses in it used: no run has told of them. */
  readonly usage: readonly UsageRow[];
}

/**
 * Stores the lines that the store lacks, where they belong in the order of reading; to be done before the session is
 * resumed and before anything of the turn is given. They are committed at once and are no part of the turn: they belong
 * to the run that has died, and a tool's result in another run than its call would hold the session for an operator.
 */
export async function rescueLines({
  store,
  session,
  folder,
  sessionId,
  uid = process.getuid?.(),
}: LeftoverParams): Promise<LeftoverReport> {
  const owner = ownerOf(folder);
  if (owner === undefined) return { entries: 0, problems: [], usage: [] };
  // Its name comes from the store: another user's folder of that name must not become part of our sessions.
  if (uid !== undefined && owner !== uid) return { entries: 0, problems: [foreign(folder)], usage: [] };
  const { files, problems } = findTranscripts(folder, sessionId);
  const report = { entries: 0, problems: [...problems], usage: [] as UsageRow[] };
  for (const file of files) {
    const key = { ...session, log: file.log };
    const { committed } = await store.read({ log: key, limit: 1 });
    const result = await importTranscript({ store, file, key, recheck: true });
    report.entries += result.entries;
    report.problems.push(...result.problems);
    report.usage.push(...(await usageAfter({ store, key, after: committed })));
  }
  return report;
}

/** Whether a folder may hold lines with a name that the store lacks; of one session of the SDK's, or of all that it has. */
export async function lacksLines({
  store,
  session,
  folder,
  sessionId,
  uid = process.getuid?.(),
}: Omit<LeftoverParams, "sessionId"> & { readonly sessionId?: string }): Promise<boolean> {
  const owner = ownerOf(folder);
  if (owner === undefined || (uid !== undefined && owner !== uid)) return true;
  for (const file of findTranscripts(folder, sessionId).files) {
    const stored = await StoredTranscript.read(store, { ...session, log: file.log });
    for (const { lines } of readTranscript(file.path))
      for (const line of lines)
        if ("uuid" in line && line.uuid !== undefined && stored.find(line) === undefined) return true;
  }
  return false;
}

interface UsageParams extends Pick<LeftoverParams, "store"> {
  readonly key: LogKey;
  readonly after: number;
}

async function usageAfter({ store, key, after }: UsageParams): Promise<readonly UsageRow[]> {
  const entries: { readonly body: string }[] = [];
  for await (const bodies of store.scan({ log: key, after }))
    entries.push(...bodies.filter((body) => body.includes('"usage"')).map((body) => ({ body })));
  return usageOf(entries, { lineage: key.session, contentHash });
}

function ownerOf(folder: string): number | undefined {
  return lstatSync(folder, { throwIfNoEntry: false })?.uid;
}

function foreign(folder: string): string {
  return `${folder}: it belongs to another user; what an earlier process may have written there was left out.`;
}
