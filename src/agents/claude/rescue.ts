import { globSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename } from "node:path";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { findLeftovers, findTranscripts } from "./find-transcripts.ts";
import { type ImportClaudeReport, importClaudeTranscripts } from "./import.ts";
import { verifySession, type VerifyReport } from "./verify.ts";

/** Which session to rescue, and where to look. */
export interface RescueParams {
  readonly store: Store;
  readonly session: SessionKey;
  readonly configDir?: string;
  readonly resumeDirs?: readonly string[];
}

/** What was found on disk, what the session lacks still, and what to beware of. */
export interface RescueReport {
  readonly imported: ImportClaudeReport;
  readonly verified: VerifyReport;
  readonly warnings: readonly string[];
}

/** Brings back what the store missed of one session: from the config folder and from what killed hosts left. */
export async function rescueSession({
  store,
  session,
  configDir,
  resumeDirs,
}: RescueParams): Promise<RescueReport> {
  const leftovers = resumeDirs ?? findLeftovers(tmpdir());
  const imported = await importClaudeTranscripts({
    store,
    session: session.session,
    project: session.project,
    resumeDirs: leftovers,
    recheck: true,
    ...(configDir === undefined ? {} : { configDir }),
  });
  const warnings = [...removalWarnings(imported), ...orphanWarnings(session.session, leftovers)];
  return { imported, verified: await verifySession(store, session), warnings };
}

function removalWarnings({ droppedSessions, droppedLogs = [] }: ImportClaudeReport): string[] {
  const removed = [
    ...droppedSessions.map((session) => `session ${session}`),
    ...droppedLogs.map(({ log }) => (log === "" ? "main transcript" : `transcript ${log}`)),
  ];
  return removed.map(
    (what) =>
      `The ${what} was removed from the store, and was not rescued: import it with --restore-dropped.`,
  );
}

// The agent's process outlives its host and goes on running tools (claude-agent-sdk, crash matrix). Linux tells by its
// environment and arguments; a session's first process, left to name the session itself, has nothing that tells.
function orphanWarnings(session: string, leftovers: readonly string[]): string[] {
  const own = leftovers.filter((leftover) => holds(leftover, session));
  return globSync("/proc/[0-9]*").flatMap((folder) => {
    const [pid, environment] = [basename(folder), textsOf(`${folder}/environ`)];
    if (pid === String(process.pid)) return [];
    const leftover = own.find((path) => environment.includes(`CLAUDE_CONFIG_DIR=${path}`));
    if (leftover !== undefined)
      return [`Process ${pid} still runs in ${leftover} and may write more: end it, then rescue again.`];
    if (!isAgentOf(session, textsOf(`${folder}/cmdline`))) return [];
    return [`Process ${pid} still runs this session and may write more: end it, then rescue again.`];
  });
}

// A leftover of another session may well be in use: it is none of ours.
function holds(leftover: string, session: string): boolean {
  return findTranscripts(leftover).files.some(({ sessionId }) => sessionId === session);
}

function isAgentOf(session: string, words: readonly string[]): boolean {
  if (words.includes("--fork-session")) return false;
  const options = ["--resume", "--session-id"];
  return options.some(
    (option) => words.includes(`${option}=${session}`) || words[words.indexOf(option) + 1] === session,
  );
}

function textsOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\0");
  } catch {
    return [];
  }
}
