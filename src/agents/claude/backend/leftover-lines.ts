import { lstatSync } from "node:fs";
import type { TurnStore } from "../../../core/agent.ts";
import type { SessionKey } from "../../../core/ids.ts";
import { findTranscripts } from "../find-transcripts.ts";
import { importTranscript } from "../import-transcript.ts";

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
  if (owner === undefined) return { entries: 0, problems: [] };
  // Its name comes from the store: another user's folder of that name must not become part of our sessions.
  if (uid !== undefined && owner !== uid) return { entries: 0, problems: [foreign(folder)] };
  const { files, problems } = findTranscripts(folder, sessionId);
  const report = { entries: 0, problems: [...problems] };
  for (const file of files) {
    const key = { ...session, log: file.log };
    const result = await importTranscript({ store, file, key, recheck: true });
    report.entries += result.entries;
    report.problems.push(...result.problems);
  }
  return report;
}

function ownerOf(folder: string): number | undefined {
  return lstatSync(folder, { throwIfNoEntry: false })?.uid;
}

function foreign(folder: string): string {
  return `${folder}: it belongs to another user; what an earlier process may have written there was left out.`;
}
