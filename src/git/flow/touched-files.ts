import { spawnSync } from "node:child_process";
import { closeSync, constants, fstatSync, openSync, realpathSync } from "node:fs";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { filesWrittenBy } from "../content/touched-files.ts";
import { gitEnvironment } from "../plumbing/environment.ts";
import { readFrom } from "./own-files.ts";

/** What a look through the new part of a transcript found. */
export interface Scanned {
  /** Relative to the worktree, with `/`. */
  readonly files: readonly string[];
  /** Where the next look begins: behind the last whole line. */
  readonly scannedBytes: number;
}

/**
 * The files that an agent's own tools changed, by the part of its transcript that was not looked through yet. Of a part
 * that is very long only the end is read: the hook has no time for the rest.
 */
export function scanTranscript(
  path: string,
  { scannedBytes, worktreePath }: { readonly scannedBytes: number; readonly worktreePath: string },
): Scanned {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return { files: [], scannedBytes };
    // A transcript that became shorter is another one.
    const from = Math.max(scannedBytes > stat.size ? 0 : scannedBytes, stat.size - mostBytes);
    const bytes = readFrom(file, { from, maxBytes: Math.max(0, stat.size - from) });
    const end = bytes.lastIndexOf(0x0a) + 1;
    const files = changedBy(bytes.subarray(0, end).toString("utf8"));
    return {
      files: [...new Set(files.flatMap((one) => within(worktreePath, one)))],
      scannedBytes: from + end,
    };
  } finally {
    closeSync(file);
  }
}

/** What git finds changed, staged or new in a worktree; undefined where it takes too long to look. */
export function changedFiles(
  worktreePath: string,
  { timeoutMs }: { readonly timeoutMs: number },
): readonly string[] | undefined {
  const args = [
    "status",
    "--porcelain=v1",
    "-z",
    "--no-renames",
    "--untracked-files=all",
    "--ignore-submodules=dirty",
  ];
  const { status, stdout } = spawnSync("git", args, {
    cwd: worktreePath,
    env: gitEnvironment(process.env),
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: 8 << 20,
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (status !== 0) return undefined;
  return stdout
    .toString("utf8")
    .split("\0")
    .flatMap((entry) => (entry.length > 3 ? entry.slice(3) : []));
}

const mostBytes = 8 << 20;

function changedBy(lines: string): readonly string[] {
  return lines.split("\n").flatMap((line) =>
    // To parse every line would cost more than all the rest: most are long results.
    line.includes('"tool_use"') || line.includes('"tool-call"') || line.includes("patch")
      ? filesWrittenBy(line)
      : [],
  );
}

/** A path below the worktree, as git names it; none of any other. */
export function within(worktreePath: string, path: string): readonly string[] {
  if (path.length > 4_096 || path.includes("\0")) return [];
  const inside = relative(worktreePath, withRealFolder(resolve(worktreePath, path)));
  const parts = inside.split(sep);
  return inside === "" || isAbsolute(inside) || parts[0] === ".." || parts[0] === ".git"
    ? []
    : [parts.join("/")];
}

/** The same path without links in its folder, as far as that is there; the file itself may be a link that git keeps. */
function withRealFolder(path: string): string {
  const folder = dirname(path);
  if (folder === path) return path;
  try {
    return join(realpathSync(folder), basename(path));
  } catch {
    return join(withRealFolder(folder), basename(path));
  }
}
