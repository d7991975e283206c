import { closeSync, globSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

/** A file as it was when it was found. */
export interface FileState {
  readonly size: number;
  readonly mtimeMs: number;
}

/** One transcript file of Claude Code and the log that it belongs to. */
export interface TranscriptFile extends FileState {
  readonly path: string;
  readonly projectKey: string;
  readonly sessionId: string;
  readonly log: string;
  /** The file beside a subagent's transcript that tells what it was started for. */
  readonly metadata?: FileState;
}

/** Finds the transcripts below a config folder: `projects/<key>/<session>.jsonl` and their `<session>/subagents/`. */
export function findTranscripts(configDir: string): TranscriptFile[] {
  const root = join(configDir, "projects");
  const found = globSync("*/**/*.jsonl", { cwd: root }).toSorted();
  return found.flatMap((relative) => {
    const place = placeOf(join(root, relative), relative.split(sep));
    return place === undefined ? [] : [place];
  });
}

/** A subagent's metadata as the entry that a mirror stores for it; what is wrong with the file goes to `problems`. */
export function readMetadata(
  file: TranscriptFile,
  problems: string[],
): Readonly<Record<string, unknown>> | undefined {
  if (file.metadata === undefined) return undefined;
  const path = metadataPath(file.path);
  try {
    const metadata: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof metadata === "object" && metadata !== null && !Array.isArray(metadata))
      return { type: "agent_metadata", ...metadata };
  } catch {}
  problems.push(`${path}: it is not a JSON object and was left out.`);
  return undefined;
}

function placeOf(path: string, parts: readonly string[]): TranscriptFile | undefined {
  const [projectKey, second, ...below] = parts as [string, string, ...string[]];
  const state = stateOf(path);
  if (state === undefined) return undefined;
  const file = { path, projectKey, ...state };
  if (below[0] === "subagents") {
    const metadata = stateOf(metadataPath(path));
    const log = below.join("/").replace(/\.jsonl$/, "");
    return { ...file, sessionId: second, log, ...(metadata === undefined ? {} : { metadata }) };
  }
  if (below.length > 0) return undefined;
  const name = basename(second, ".jsonl");
  if (!name.startsWith("agent-")) return { ...file, sessionId: name, log: "" };
  const sessionId = sessionOf(path);
  return sessionId === undefined ? undefined : { ...file, sessionId, log: `subagents/${name}` };
}

function metadataPath(path: string): string {
  return path.replace(/\.jsonl$/, ".meta.json");
}

/** Undefined for what is no file: a folder, a pipe. What cannot be asked about is left to fail when it is read. */
function stateOf(path: string): FileState | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) return undefined;
    return { size: stat.size, mtimeMs: Math.floor(stat.mtimeMs) };
  } catch {
    return { size: 0, mtimeMs: 0 };
  }
}

// Older versions kept a subagent's file beside the session's; only its lines say to whom it belongs.
function sessionOf(path: string): string | undefined {
  try {
    return /"sessionId":"([0-9a-f-]{36})"/.exec(headOf(path))?.[1];
  } catch {
    return undefined;
  }
}

function headOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(64 * 1024);
    return head.toString("utf8", 0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

/** The folders that a killed host left in the temporary folder, each a config folder of its own. */
export function findLeftovers(temporary: string): string[] {
  return globSync("claude-resume-*/projects", { cwd: temporary }).map((path) =>
    join(temporary, dirname(path)),
  );
}
