import { findTranscripts, type TranscriptFile } from "../agents/claude/find-transcripts.ts";
import type { Store } from "../core/store.ts";
import { asTyped, listOf, shown, shownCandidates } from "./arguments.ts";
import type { Check } from "./check.ts";
import { foldersOf, transcriptFolders } from "./claude-settings.ts";
import { counted, localTime } from "./columns.ts";
import { homesOf } from "./session-homes.ts";
import { isStoredToTheEnd } from "./stored-to-the-end.ts";

/** Compares this machine's transcripts with the store: Claude Code will delete them one day. */
export async function transcriptChecks(store: Store, configDir: string | undefined): Promise<Check[]> {
  const found = await compare(store, configDir);
  const next = configDir === undefined ? "" : ` --config-dir ${asTyped(configDir)}`;
  const checks = [...unreadCheck(found), ...behindCheck(found, next), ...missingCheck(found, next)];
  if (checks.length > 0) return checks;
  return [{ check, state: "ok", message: "Every transcript of this machine is known." }];
}

interface Compared {
  /** The newest transcript's time of each session that the store lacks. */
  readonly missing: ReadonlyMap<string, number>;
  /** Sessions with a transcript that goes on where the store ends. */
  readonly behind: ReadonlySet<string>;
  readonly problems: readonly string[];
}

async function compare(store: Store, configDir: string | undefined): Promise<Compared> {
  const found = foldersOf(transcriptFolders(configDir)).map((folder) => findTranscripts(folder));
  const files = found.flatMap((one) => one.files);
  const problems = found.flatMap((one) => one.problems);
  const homeOf = await homesOf(store, files.map(keyOf));
  const [missing, behind] = [new Map<string, number>(), new Set<string>()];
  for (const file of files) {
    const { sessionId: session, mtimeMs, log } = file;
    const { project, state } = homeOf(keyOf(file));
    if (state === "new") missing.set(session, Math.max(mtimeMs, missing.get(session) ?? 0));
    if (state !== "held" || behind.has(session)) continue;
    try {
      if (!(await isStoredToTheEnd(store, file, { project, session, log }))) behind.add(session);
    } catch (error) {
      if (!isOfFile(error)) throw error;
      // Claude Code may delete a transcript meanwhile.
      if (error.code === "ENOENT") continue;
      problems.push(`${file.path}: ${error.message}`);
    }
  }
  return { missing, behind, problems };
}

function keyOf({ projectKey, sessionId }: TranscriptFile) {
  return { project: projectKey, session: sessionId };
}

function isOfFile(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

function unreadCheck({ problems }: Compared): Check[] {
  const [first] = problems;
  if (first === undefined) return [];
  const more = problems.length > 1 ? ` And ${counted(problems.length - 1, "more file")} like it.` : "";
  return [{ check, state: "problem", message: `Not looked at: ${first}${more}` }];
}

function behindCheck({ behind }: Compared, next: string): Check[] {
  const ids = [...behind];
  const [first] = ids;
  if (first === undefined) return [];
  const listed = listOf(ids.slice(0, shownCandidates).map(shown), ids.length);
  const rescue = `holdfast rescue ${asTyped(first)}${next}`;
  const cure = ids.length === 1 ? `run ${rescue}` : `run holdfast import${next}, or ${rescue} for one`;
  const message = `The store lacks the end of ${counted(ids.length, "session")} of this machine: ${cure}. Behind: ${listed}.`;
  return [{ check, state: "problem", message }];
}

function missingCheck({ missing }: Compared, next: string): Check[] {
  if (missing.size === 0) return [];
  const newest = [...missing.values()].reduce((one, other) => Math.max(one, other));
  const message = `${counted(missing.size, "session")} of this machine not in the store, the newest of ${localTime(newest)}: run holdfast import${next}.`;
  return [{ check, state: "advice", message }];
}

const check = "transcripts";
