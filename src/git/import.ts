import { linkEntry, linksLog } from "../core/links.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import { isHoldfastError } from "../core/errors.ts";
import { usageKey, type UsageRow } from "../core/usage.ts";
import { type CheckpointSession, checkpointSessions } from "./import/checkpoint-sessions.ts";
import { entriesOf, isClaudeTranscript, transcriptText } from "./import/transcript-text.ts";
import type { RawObject } from "./format/raw-json.ts";
import type { Repository } from "./plumbing/repository.ts";

/** What is imported, and by what. */
export interface ImportParams {
  readonly repository: Repository;
  readonly store: Store;
  /** Where a session belongs; undefined leaves it out, as it is there under another name or was removed. */
  readonly homeOf: (sessionId: string, provider: string) => Promise<SessionKey | undefined>;
  /** Brings in a transcript that is Claude Code's, by that agent's own importer. */
  readonly importClaude: (session: ClaudeSession) => Promise<ClaudeResult>;
  readonly dryRun?: boolean;
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number }) => void;
}

export interface ClaudeSession {
  readonly key: SessionKey;
  readonly text: string;
  /** Of the session: a file of the same bytes has the same time whenever it is made. */
  readonly atMs: number;
}

export interface ClaudeResult {
  readonly entries: number;
  readonly duplicates: number;
  readonly problems: readonly string[];
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
 * Brings the sessions of all checkpoints into a store: each once, with its longest transcript, its usage and the
 * commits that it made. Again it adds only what is new.
 */
export async function importCheckpoints(params: ImportParams): Promise<ImportReport> {
  const { repository, dryRun = false, onProgress } = params;
  const problems: string[] = [];
  const sessions = await checkpointSessions(repository, problems);
  const totalBytes = sessions.reduce((sum, { bytes }) => sum + bytes, 0);
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
    onProgress?.({ bytes: (bytes += session.bytes), totalBytes });
  }
  return { dryRun, sessions: done, bytes: totalBytes, ...counts, leftOut, problems };
}

async function importOne(
  params: ImportParams,
  session: CheckpointSession,
): Promise<(ClaudeResult & { readonly links: number }) | undefined> {
  const { repository, store, homeOf, importClaude, dryRun = false } = params;
  const read = await transcriptText(repository.objects, session);
  if ("reason" in read)
    return { entries: 0, duplicates: 0, links: 0, problems: [`${session.sessionId}: ${read.reason}`] };
  const isClaude = isClaudeTranscript(read.text);
  const provider = isClaude ? "claude-code" : providerOf(session.agent);
  const key = await homeOf(session.sessionId, provider);
  if (key === undefined) return undefined;
  if (dryRun) return { entries: 0, duplicates: 0, links: 0, problems: [] };
  const result = isClaude
    ? await importClaude({ key, text: read.text, atMs: session.createdAtMs })
    : await importLines({ store, repository, key, session, text: read.text, provider });
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

const maxPromptBytes = 1024 * 1024;
const maxTitleLength = 200;
const maxEntries = 1000;

async function importLines({
  store,
  repository,
  key,
  session,
  text,
  provider,
}: {
  store: Store;
  repository: Repository;
  key: SessionKey;
  session: CheckpointSession;
  text: string;
  provider: string;
}): Promise<ClaudeResult> {
  const { entries, bad } = entriesOf(text, session);
  const prompt =
    session.prompt === undefined
      ? null
      : await repository.objects.blob(session.prompt, { maxBytes: maxPromptBytes }).catch(() => null);
  const title = prompt?.toString().split("\n", 1)[0]?.trim().slice(0, maxTitleLength) ?? "";
  const counts = { entries: 0, duplicates: 0 };
  for (let at = 0; at < entries.length; at += maxEntries) {
    const { appended, duplicates } = await store.append({
      log: { ...key, log: "" },
      entries: entries.slice(at, at + maxEntries),
      provider,
      fold: (state) => ({ summary: null, title: state.title ?? (title === "" ? null : title) }),
    });
    counts.entries += appended;
    counts.duplicates += duplicates;
  }
  // Claude Code's responses tell what they used; of others only the checkpoint does.
  const rows = session.parts.flatMap((part) => usageRow(session.sessionId, part));
  if (rows.length > 0 && entries.length > 0) await store.recordUsage({ session: key, rows });
  const what = bad === 0 ? [] : [`${session.sessionId}: ${bad} lines are no JSON objects and were left out.`];
  return { ...counts, problems: what };
}

function usageRow(
  sessionId: string,
  { checkpoint, atMs, model, usage }: CheckpointSession["parts"][number],
): UsageRow[] {
  if (usage === undefined) return [];
  const tokens = {
    input: countOf(usage, "input_tokens"),
    output: countOf(usage, "output_tokens"),
    cacheRead: countOf(usage, "cache_read_tokens"),
    cacheWrite5m: countOf(usage, "cache_creation_tokens"),
    cacheWrite1h: 0,
  };
  if (Object.values(tokens).every((count) => count === 0)) return [];
  const key = usageKey({ lineage: sessionId, contentHash: `checkpoint ${checkpoint}` });
  return [{ key, model: model === "" ? "unknown" : model.slice(0, 200), atMs, tokens, microDollars: null }];
}

function countOf(usage: RawObject, key: string): number {
  const count = usage.number(key) ?? 0;
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
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
