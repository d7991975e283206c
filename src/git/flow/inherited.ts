import { execFileSync, spawnSync } from "node:child_process";
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
  const changes = changesOf(stampedOf(ids));
  const again = changes.filter(({ changed }) => [...changed.keys()].some((path) => staged.has(path)));
  return joined(again.map(({ commit }) => commit));
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
  const changes = changesOf(tips.length === 0 ? [] : unreachable(tips));
  noteDropped(note, changes);
  if (changes.length === 0) return joined([]);
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

// Newer than the reset, for the hook: until the next one it asks only for commits that hold one of these again.
function noteDropped(note: string, changes: readonly Changes[]): void {
  const lines = changes.flatMap(({ changed }) =>
    Array.from(changed, ([path, blob]) => `${blob} ${quotedPath(path)}\n`),
  );
  replaceOwnFile(`${note}.dropped`, [...new Set(lines)].join(""));
}

interface Stamped {
  readonly id: string;
  readonly checkpoints: readonly string[];
  readonly sessions: readonly string[];
}

const mostEntries = 200;
const mostCommits = 200;
// Some 30,000 paths, which are read in some 50 ms.
const mostBytes = 4 << 20;

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
const log = ["-c", "log.showSignature=false", "log", "--ignore-missing", "--format=%H%n%B%x00"];

function unreachable(tips: readonly string[]): readonly Stamped[] {
  const most = [`--max-count=${mostCommits}`, "--no-merges"];
  return stampedIn(git([...log, ...most, ...tips, "--not", "--branches", "--remotes", "HEAD", "--"]));
}

function stampedOf(ids: readonly string[]): readonly Stamped[] {
  if (ids.length === 0) return [];
  const wanted = `${ids.slice(0, mostCommits).join("\n")}\n`;
  return stampedIn(git([...log, "--no-walk=unsorted", "--stdin"], wanted));
}

function stampedIn(text: string): readonly Stamped[] {
  return text.split("\0").flatMap((entry) => {
    const [id = "", ...message] = entry.trimStart().split("\n");
    const { checkpoints, sessions } = parseTrailers(message.join("\n"));
    return checkpoints.length + sessions.length === 0 ? [] : { id, checkpoints, sessions };
  });
}

/** What each of these commits changed, all by one process; without those beyond what a commit can wait for. */
function changesOf(commits: readonly Stamped[]): readonly Changes[] {
  if (commits.length === 0) return [];
  const form = ["--stdin", "-r", "-z", "--root", "--no-renames", "--no-abbrev"];
  const input = `${commits.map(({ id }) => id).join("\n")}\n`;
  const { stdout, error } = spawnSync("git", ["diff-tree", ...form], {
    ...options,
    input,
    maxBuffer: mostBytes,
  });
  const byId = new Map(commits.map((commit) => [commit.id, commit]));
  const raw = new Map<Stamped, string[]>();
  let parts: string[] = [];
  for (const part of stdout.split("\0")) {
    const commit = byId.get(part);
    if (commit === undefined) parts.push(part);
    else raw.set(commit, (parts = []));
  }
  const changes = Array.from(raw, ([commit, told]) => ({ commit, changed: blobsIn(told) }));
  // The last one was cut off.
  return error === undefined ? changes : changes.slice(0, -1);
}

interface Changes {
  readonly commit: Stamped;
  /** By path, its mode and blob. */
  readonly changed: ReadonlyMap<string, string>;
}

function stagedBlobs(): ReadonlyMap<string, string> {
  return blobsIn(
    git([
      ...["-c", "diff.relative=false"],
      ...["diff", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev"],
    ]).split("\0"),
  );
}

/** Path to mode and blob, of git's raw form. */
function blobsIn(parts: readonly string[]): ReadonlyMap<string, string> {
  const blobs = new Map<string, string>();
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
const options = {
  encoding: "utf8" as const,
  timeout: 5_000,
  maxBuffer: 64 << 20,
  stdio: ["pipe" as const, "pipe" as const, "ignore" as const],
  env: { ...process.env, GIT_OPTIONAL_LOCKS: "0" },
};

function git(args: readonly string[], input = ""): string {
  return execFileSync("git", args, { ...options, input });
}
