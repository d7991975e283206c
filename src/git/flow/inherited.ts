import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseTrailers } from "../format/trailers.ts";
import { readOwnFile, replaceOwnFile } from "./own-files.ts";
import { quotedPath } from "./quoted-path.ts";

/** Trailers of commits that are being made anew. */
export interface Inherited {
  readonly checkpoints: readonly string[];
  readonly sessions: readonly string[];
}

/** From the commits of a `merge --squash`: of those that changed a path which is staged (specification §11). */
export function inheritedBySquash({ gitDir }: { readonly gitDir: string }): Inherited {
  const bytes = readOwnFile(join(gitDir, "SQUASH_MSG"), { maxBytes: 16 << 20 });
  const message = Buffer.isBuffer(bytes) ? bytes.toString("utf8") : "";
  const ids = [...message.matchAll(/^commit ([0-9a-f]{40,64})$/gm)].map((match) => match[1]!);
  const staged = stagedBlobs();
  const commits = stampedOf(ids).filter(({ id }) =>
    [...changedIn(id).keys()].some((path) => staged.has(path)),
  );
  return joined(commits);
}

/**
 * From the commits that a reset dropped, as HEAD's reflog knows them: of those whose content is staged as they had it,
 * and which no branch and no remote has (specification §11).
 */
export function inheritedAfterReset({
  gitDir,
  note,
}: {
  readonly gitDir: string;
  readonly note: string;
}): Inherited {
  const tips = resetTips(join(gitDir, "logs", "HEAD"));
  const dropped = stampedOf(tips.length === 0 ? [] : unreachable(tips));
  const changes = dropped.map((commit) => ({ commit, changed: changedIn(commit.id) }));
  noteDropped(
    note,
    changes.flatMap(({ changed }) => [...changed.keys()]),
  );
  if (dropped.length === 0) return { checkpoints: [], sessions: [] };
  const staged = stagedBlobs();
  const had = new Map<string, Set<string>>();
  for (const { changed } of changes)
    for (const [path, blob] of changed) had.set(path, (had.get(path) ?? new Set()).add(blob));
  const kept = changes.filter(({ changed }) => {
    const again = [...changed.keys()].filter((path) => staged.has(path));
    return again.length > 0 && again.every((path) => had.get(path)!.has(staged.get(path)!));
  });
  // Oldest first, as they were made.
  return joined(kept.map(({ commit }) => commit).toReversed());
}

// Newer than the reset, for the hook: until the next one it asks only for commits of these files.
function noteDropped(note: string, paths: readonly string[]): void {
  replaceOwnFile(`${note}.dropped`, [...new Set(paths)].map((path) => `${quotedPath(path)}\n`).join(""));
}

interface Stamped {
  readonly id: string;
  readonly checkpoints: readonly string[];
  readonly sessions: readonly string[];
}

const mostEntries = 200;
const mostCommits = 200;

/** Where HEAD was before each reset, the last one first. */
function resetTips(log: string): readonly string[] {
  const bytes = readOwnFile(log, { maxBytes: 256 << 20 });
  const moves = Buffer.isBuffer(bytes) ? movesIn(bytes) : bytes === "missing" ? movesByGit() : [];
  const resets = moves.filter(({ from, to, why }) => from !== to && why.startsWith("reset: moving to "));
  return [...new Set(resets.map(({ from }) => from).filter((id) => !/^0+$/.test(id)))];
}

/** A line of HEAD's reflog; the newest are first. */
interface Move {
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

function movesIn(log: Buffer): readonly Move[] {
  const lines = log.toString("utf8").trimEnd().split("\n").slice(-mostEntries);
  return lines.toReversed().flatMap((line) => {
    const [, from, to, why] = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [^\t]*\t(.*)$/.exec(line) ?? [];
    return why === undefined ? [] : [{ from: from!, to: to!, why }];
  });
}

// With reftable no file has it.
function movesByGit(): readonly Move[] {
  const told = git(["log", "--walk-reflogs", `--max-count=${mostEntries}`, "--format=%H %gs", "HEAD", "--"]);
  const entries = told.split("\n").flatMap((line) => {
    const [, to, why] = /^([0-9a-f]{40,64}) (.*)$/.exec(line) ?? [];
    return why === undefined ? [] : [{ to: to!, why }];
  });
  // What HEAD was before a move is what the move before it made of it.
  return entries.slice(0, -1).map((entry, at) => ({ ...entry, from: entries[at + 1]!.to }));
}

// One that git has thrown away since must not spoil the others: hence --ignore-missing.
function unreachable(tips: readonly string[]): readonly string[] {
  const known = ["--not", "--branches", "--remotes", "HEAD"];
  const args = [
    "rev-list",
    `--max-count=${mostCommits}`,
    "--no-merges",
    "--ignore-missing",
    ...tips,
    ...known,
    "--",
  ];
  return git(args)
    .split("\n")
    .filter((id) => id !== "");
}

function stampedOf(ids: readonly string[]): readonly Stamped[] {
  if (ids.length === 0) return [];
  const args = ["log", "--no-walk=unsorted", "--stdin", "--ignore-missing", "--format=%H%n%B%x00"];
  const wanted = ids.slice(0, mostCommits);
  return git(["-c", "log.showSignature=false", ...args], `${wanted.join("\n")}\n`)
    .split("\0")
    .flatMap((text) => {
      const [id = "", ...message] = text.trimStart().split("\n");
      const { checkpoints, sessions } = parseTrailers(message.join("\n"));
      return checkpoints.length + sessions.length === 0 ? [] : { id, checkpoints, sessions };
    });
}

function changedIn(id: string): ReadonlyMap<string, string> {
  return blobsIn(
    git(["diff-tree", "-r", "-z", "--root", "--no-commit-id", "--no-renames", "--no-abbrev", id, "--"]),
  );
}

function stagedBlobs(): ReadonlyMap<string, string> {
  return blobsIn(
    git(["-c", "diff.relative=false", "diff", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev"]),
  );
}

/** Path to mode and blob, of git's raw form. */
function blobsIn(raw: string): ReadonlyMap<string, string> {
  const blobs = new Map<string, string>();
  const parts = raw.split("\0");
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [, mode, , blob] = parts[at]!.split(" ");
    blobs.set(parts[at + 1]!, `${mode} ${blob}`);
  }
  return blobs;
}

function joined(commits: readonly Stamped[]): Inherited {
  return {
    checkpoints: [...new Set(commits.flatMap(({ checkpoints }) => checkpoints))],
    sessions: [...new Set(commits.flatMap(({ sessions }) => sessions))],
  };
}

// In the environment of the hook, because that names the index of this commit. Only commands that write nothing.
function git(args: readonly string[], input = ""): string {
  return execFileSync("git", args, {
    encoding: "utf8",
    input,
    timeout: 5_000,
    maxBuffer: 64 << 20,
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" },
  });
}
