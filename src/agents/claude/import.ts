import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { isHoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import type { Conflict } from "./file-problems.ts";
import { findLeftovers, findTranscripts, type TranscriptFile } from "./find-transcripts.ts";
import { importTranscript } from "./import-transcript.ts";
import { idOf } from "./log-key.ts";
import { sessionsRunHere } from "./sessions-run-here.ts";

/** What to import, and from where. */
export interface ImportClaudeParams {
  readonly store: Store;
  /** Default `$CLAUDE_CONFIG_DIR`, else `~/.claude`. */
  readonly configDir?: string;
  /** Config folders that killed hosts left; default those in the temporary folder. */
  readonly resumeDirs?: readonly string[];
  /** Only this session. */
  readonly session?: string;
  /** One project for all, or a function of a file; default the folder's own name, which is the SDK's projectKey. */
  readonly project?: string | ((file: TranscriptFile) => string);
  /** Bring dropped sessions and removed logs back. */
  readonly restoreDropped?: boolean;
  /** Read files again that have not changed since they were imported. */
  readonly recheck?: boolean;
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number }) => void;
}

/** What an import did; `problems` are sentences that name file and line. */
export interface ImportClaudeReport {
  readonly files: number;
  readonly unchanged: number;
  readonly sessions: number;
  readonly entries: number;
  readonly duplicates: number;
  /** Blocks that came late: they are read before what the store held already, where they belong. */
  readonly moved: number;
  readonly bytes: number;
  readonly droppedSessions: readonly string[];
  /** Logs that were removed since they were imported, and were left so; absent where there are none. */
  readonly droppedLogs?: readonly LogKey[];
  /** Sessions that an agent of this store has run, which has them under names of its own; absent where there are none. */
  readonly runHere?: readonly string[];
  /** Lines whose uuid is there with another content, which is kept; each is a problem too. Absent where there are none. */
  readonly conflicts?: readonly Conflict[];
  readonly problems: readonly string[];
}

/** Imports Claude Code's transcripts. A fault in one file never stops the others; one of the store's does. */
export async function importClaudeTranscripts(params: ImportClaudeParams): Promise<ImportClaudeReport> {
  const { files: found, problems } = filesOf(params);
  const runHere = await runHereOf(params, found);
  const files = found.filter(({ sessionId }) => !runHere.has(sessionId));
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  const report = {
    files: files.length,
    unchanged: 0,
    sessions: 0,
    entries: 0,
    duplicates: 0,
    moved: 0,
    bytes: totalBytes,
  };
  const [sessions, dropped] = [new Set<string>(), new Set<string>()];
  const droppedLogs = new Map<string, LogKey>();
  const conflicts: Conflict[] = [];
  let bytes = 0;
  const onBytes = (more: number): void =>
    params.onProgress?.({ bytes: Math.min(totalBytes, (bytes += more)), totalBytes });
  for (const file of files) {
    sessions.add(file.sessionId);
    const key = { project: projectOf(params, file), session: file.sessionId, log: file.log };
    try {
      const result = await importTranscript({ ...params, file, key, onBytes });
      if (result.unchanged || result.removed) onBytes(file.size);
      if (result.removed) droppedLogs.set(idOf(key), key);
      report.entries += result.entries;
      report.duplicates += result.duplicates;
      report.moved += result.moved;
      report.unchanged += result.unchanged ? 1 : 0;
      problems.push(...result.problems);
      conflicts.push(...result.conflicts);
    } catch (error) {
      if (isHoldfastError(error) && error.code.startsWith("store_")) throw error;
      if (isHoldfastError(error) && error.code === "session_dropped") dropped.add(file.sessionId);
      else problems.push(`${file.path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return {
    ...report,
    sessions: sessions.size,
    droppedSessions: [...dropped],
    ...(runHere.size === 0 ? {} : { runHere: [...runHere] }),
    ...(droppedLogs.size === 0 ? {} : { droppedLogs: [...droppedLogs.values()] }),
    ...(conflicts.length === 0 ? {} : { conflicts }),
    problems,
  };
}

/** A second session of the same words would be in the way of the first: what was imported before it was run goes on. */
async function runHereOf(
  params: ImportClaudeParams,
  files: readonly TranscriptFile[],
): Promise<ReadonlySet<string>> {
  const { store } = params;
  const unknown = new Set<string>();
  for (const file of files) {
    const session = { project: projectOf(params, file), session: file.sessionId };
    if ((await store.session(session)) === null) unknown.add(file.sessionId);
  }
  return new Set((await sessionsRunHere(store, unknown)).keys());
}

function projectOf({ project }: ImportClaudeParams, file: TranscriptFile): string {
  return typeof project === "function" ? project(file) : (project ?? file.projectKey);
}

/** Where Claude Code keeps its files for this user. */
function claudeConfigDir(): string {
  return process.env["CLAUDE_CONFIG_DIR"] ?? join(homedir(), ".claude");
}

function filesOf({
  configDir = claudeConfigDir(),
  resumeDirs = findLeftovers(tmpdir()),
  session,
}: ImportClaudeParams): { readonly files: readonly TranscriptFile[]; readonly problems: string[] } {
  const found = [configDir, ...resumeDirs].map((configDir) => findTranscripts(configDir));
  const files = found.flatMap((one) => one.files);
  return {
    files: session === undefined ? files : files.filter(({ sessionId }) => sessionId === session),
    problems: found.flatMap((one) => one.problems),
  };
}
