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
  const before = (await store.session(session))?.mainHead ?? 0;
  const imported = await importClaudeTranscripts({
    store,
    session: session.session,
    project: session.project,
    resumeDirs: leftovers,
    recheck: true,
    ...(configDir === undefined ? {} : { configDir }),
  });
  const late = await addedInTheMiddle(store, session, before);
  const warnings = [...leftovers.flatMap(orphanWarnings), ...(late ? [outOfOrder] : [])];
  return { imported, verified: await verifySession(store, session), warnings };
}

const outOfOrder =
  "Some entries belong before others that the store had already: they stand at the end of the log, and the agent's resume may take the last of them for the newest. Check it with `holdfast show` before you resume.";

/** True when an entry that was stored before follows, by its parent, one that came only now. */
async function addedInTheMiddle(store: Store, session: SessionKey, before: number): Promise<boolean> {
  const added = new Set<string>();
  const log = { ...session, log: "" };
  for (const { uuid } of (await store.read({ log, after: before })).entries)
    if (uuid !== undefined) added.add(uuid);
  if (added.size === 0) return false;
  let seq = 0;
  for await (const piece of store.scan({ log })) {
    for (const body of piece) {
      const { parentUuid } = JSON.parse(body) as { parentUuid?: unknown };
      if ((seq += 1) <= before && typeof parentUuid === "string" && added.has(parentUuid)) return true;
    }
  }
  return false;
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
