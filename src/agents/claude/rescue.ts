import { globSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { findLeftovers } from "./find-transcripts.ts";
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
  const warnings = leftovers.flatMap(orphanWarnings);
  return { imported, verified: await verifySession(store, session), warnings };
}

// The agent's process outlives its host and goes on running tools (claude-agent-sdk, crash matrix); Linux tells by its environment.
function orphanWarnings(leftover: string): string[] {
  return globSync("/proc/[0-9]*/environ").flatMap((path) => {
    const pid = path.split("/")[2]!;
    if (!environmentOf(path).includes(`CLAUDE_CONFIG_DIR=${leftover}\0`)) return [];
    return [`Process ${pid} still runs in ${leftover} and may write more: end it, then rescue again.`];
  });
}

function environmentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
