import { isHoldfastError } from "../core/errors.ts";
import type { SessionKey } from "../core/ids.ts";
import { linkEntry, linksLog } from "../core/links.ts";
import type { Store } from "../core/store.ts";
import { type CheckpointSession, checkpointSessions } from "./import/checkpoint-sessions.ts";
import { type ClaudeTranscript, importOfClaude, isOfClaude } from "./import/claude-code.ts";
import { importOtherAgent } from "./import/other-agents.ts";
import type { SessionResult } from "./import/session-result.ts";
import type { Repository } from "./plumbing/repository.ts";

/** What is imported, and by what. */
export interface ImportParams {
  readonly repository: Repository;
  readonly store: Store;
  /** Where a session belongs; undefined leaves it out, as it is there under another name or was removed. */
  readonly homeOf: (sessionId: string, provider: string) => Promise<SessionKey | undefined>;
  /** Brings in a transcript that is Claude Code's, by that agent's own importer. */
  readonly importClaude: (transcript: ClaudeTranscript) => Promise<SessionResult>;
  readonly dryRun?: boolean;
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number }) => void;
}

/** What an import did; with `dryRun` the sessions are those that would be read, and no entry is counted. */
export interface ImportReport {
  readonly dryRun: boolean;
  readonly sessions: number;
  readonly bytes: number;
  readonly entries: number;
  readonly duplicates: number;
  readonly links: number;
  readonly leftOut: readonly string[];
  readonly problems: readonly string[];
}

/**
 * Brings the sessions of all checkpoints into a store: each once, with all that its transcripts and its subagents'
 * together hold, its usage and the commits that it made. Again it adds only what is new.
 */
export async function importCheckpoints(params: ImportParams): Promise<ImportReport> {
  const { repository, dryRun = false, onProgress } = params;
  const problems: string[] = [];
  const found = await checkpointSessions(repository, problems);
  const sessions = found.filter(({ transcripts }) => transcripts.length > 0);
  for (const { sessionId, transcripts } of found)
    if (transcripts.length === 0) problems.push(`${sessionId}: no checkpoint has its transcript.`);
  const totalBytes = bytesOf(sessions);
  const counts = { entries: 0, duplicates: 0, links: 0 };
  const leftOut: string[] = [];
  let [done, bytes] = [0, 0];
  for (const session of sessions) {
    try {
      const result = await importOne(params, session);
      if (result === undefined) leftOut.push(session.sessionId);
      else {
        done += 1;
        counts.entries += result.entries;
        counts.duplicates += result.duplicates;
        counts.links += result.links;
        problems.push(...result.problems);
      }
    } catch (error) {
      if (!isHoldfastError(error) || error.code.startsWith("store_")) throw error;
      if (error.code === "session_dropped") leftOut.push(session.sessionId);
      else problems.push(`${session.sessionId}: ${error.message}`);
    }
    onProgress?.({ bytes: (bytes += bytesOf([session])), totalBytes });
  }
  return {
    ...{ dryRun, sessions: done, bytes: totalBytes, ...counts, leftOut },
    // What two layouts hold is told once.
    problems: [...new Set(problems)],
  };
}

function bytesOf(sessions: readonly CheckpointSession[]): number {
  const all = sessions.flatMap(({ transcripts }) => transcripts);
  return all.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function importOne(
  params: ImportParams,
  session: CheckpointSession,
): Promise<(SessionResult & { readonly links: number }) | undefined> {
  const { repository, store, homeOf, importClaude, dryRun = false } = params;
  const { objects } = repository;
  const isClaude = await isOfClaude(objects, session);
  const provider = isClaude ? "claude-code" : providerOf(session.agent);
  const key = await homeOf(session.sessionId, provider);
  if (key === undefined) return undefined;
  if (dryRun) return { entries: 0, duplicates: 0, links: 0, problems: [] };
  const result = isClaude
    ? await importOfClaude({ objects, key, session, importClaude })
    : await importOtherAgent({ store, objects, key, session, provider });
  return { ...result, links: await importLinks(store, key, session) };
}

/** The registry's names (section 15); a label that is none becomes one. */
function providerOf(agent: string): string {
  const known = new Map([
    ["gemini cli", "gemini"],
    ["copilot cli", "copilot-cli"],
    ["factory ai droid", "factoryai-droid"],
    ["claude code", "agent"],
  ]);
  const label = agent.toLowerCase().trim();
  const name = known.get(label) ?? label.replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "");
  return name === "" || name === "agent" ? "unknown-agent" : name.slice(0, 60);
}

/** The commits that name a session's checkpoints, each once. */
async function importLinks(store: Store, key: SessionKey, { parts }: CheckpointSession): Promise<number> {
  const entries = parts.flatMap(({ checkpoint, commits }) =>
    commits.map((commit) =>
      linkEntry({ kind: "commit", commit, run: checkpoint, call: "Entire-Checkpoint" }),
    ),
  );
  if (entries.length === 0 || (await store.session(key)) === null) return 0;
  return (await store.append({ log: { ...key, log: linksLog }, entries })).appended;
}
