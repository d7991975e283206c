import { closeSync, globSync, openSync, readSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

/** One transcript file of Claude Code and the log that it belongs to. */
export interface TranscriptFile {
  readonly path: string;
  readonly projectKey: string;
  readonly sessionId: string;
  readonly log: string;
  readonly size: number;
  readonly mtimeMs: number;
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

function placeOf(path: string, parts: readonly string[]): TranscriptFile | undefined {
  const [projectKey, second, ...below] = parts as [string, string, ...string[]];
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isFile()) return undefined;
  const file = { path, projectKey, size: stat.size, mtimeMs: Math.floor(stat.mtimeMs) };
  if (below[0] === "subagents")
    return { ...file, sessionId: second, log: below.join("/").replace(/\.jsonl$/, "") };
  if (below.length > 0) return undefined;
  const name = basename(second, ".jsonl");
  if (!name.startsWith("agent-")) return { ...file, sessionId: name, log: "" };
  const sessionId = sessionOf(path);
  return sessionId === undefined ? undefined : { ...file, sessionId, log: `subagents/${name}` };
}

// Older versions kept a subagent's file beside the session's; only its lines say to whom it belongs.
function sessionOf(path: string): string | undefined {
  const file = openSync(path, "r");
  try {
    const head = Buffer.alloc(64 * 1024);
    const text = head.toString("utf8", 0, readSync(file, head));
    return /"sessionId":"([0-9a-f-]{36})"/.exec(text)?.[1];
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
