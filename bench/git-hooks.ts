import { execFileSync } from "node:child_process";
import { mkdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { enable } from "../src/git/flow/enable.ts";
import { flowPaths } from "../src/git/flow/flow-paths.ts";
import { kernelLock } from "../src/git/flow/kernel-lock.ts";
import { Spool } from "../src/git/flow/spool.ts";
import { SessionFiles } from "../src/git/flow/session-files.ts";
import { newSession } from "../src/git/flow/session-state.ts";
import { openRepository } from "../src/git/plumbing/open-repository.ts";
import { median, ms, type Row, shuffled } from "./measure.ts";

const rounds = 15;
const root = join(import.meta.dirname, "..");

/** What all hooks of one commit together add to `git commit`, by how many sessions there are and how long their transcripts. */
export async function benchGitHooks(folder: string): Promise<Row[]> {
  const plain = repositoryIn(folder, "plain");
  const cases = [
    { what: "1 session", path: await linked(folder, { sessions: 1, transcriptBytes: 70_000_000 }) },
    { what: "100 sessions", path: await linked(folder, { sessions: 100, transcriptBytes: 70_000_000 }) },
    { what: "500 sessions", path: await linked(folder, { sessions: 500, transcriptBytes: 70_000_000 }) },
    { what: "no session", path: await linked(folder, { sessions: 0, transcriptBytes: 0 }) },
  ];
  const times = measure([{ what: "plain", path: plain }, ...cases]);
  const base = times.get("plain")!;
  return cases.map(({ what }) => ({
    what: `hooks of one commit, ${what}${what === "no session" ? "" : ", 70 MB transcript"}`,
    ours: ms(times.get(what)!),
    limit: `plain git commit ${ms(base)}`,
    ratio: `+ ${ms(times.get(what)! - base)}`,
    bar: "+ 60 ms",
  }));
}

interface Case {
  readonly what: string;
  readonly path: string;
}

/** Medians of commits, interleaved in a new order each round, after one of each to warm up. */
function measure(cases: readonly Case[]): Map<string, number> {
  const times = new Map(cases.map(({ what }) => [what, [] as number[]]));
  for (let round = -1; round < rounds; round += 1) {
    for (const { what, path } of shuffled(cases)) {
      writeFileSync(join(path, "src/file-0.ts"), `${round}\n`);
      git(path, "add", "-A");
      touch(path, what);
      const start = performance.now();
      git(path, "commit", "-q", "-m", "Change a file");
      if (round >= 0) times.get(what)!.push(performance.now() - start);
      settle(path, what);
    }
  }
  return new Map([...times].map(([what, values]) => [what, median(values)]));
}

/** The session has touched the file again: what a commit took is no work of its any more. */
function touch(path: string, what: string): void {
  if (what === "plain" || what === "no session") return;
  new SessionFiles({ commonDir: join(path, ".git") }).change("session-0000", (known) => ({
    ...known!,
    filesTouched: ["src/file-0.ts"],
    filesTouchedCount: 1,
  }));
}

/** Waits for the worker that a commit has started: it is not on the commit's path, and must not be in the next one's. */
function settle(path: string, what: string): void {
  if (what === "plain") return;
  const spool = new Spool({ commonDir: join(path, ".git") });
  // Not by its lock alone: it may not have begun.
  const untilMs = performance.now() + 10_000;
  while (spool.names().length > 0 && performance.now() < untilMs) Atomics.wait(pause, 0, 0, 5);
  using lock = kernelLock(flowPaths(join(path, ".git")).workerLock, { waitMs: 10_000 });
  if (lock === null) throw new Error("The worker does not end.");
  const stamped =
    git(path, "log", "-1", "--format=%(trailers:key=Entire-Checkpoint,valueonly)").trim() !== "";
  if (stamped === (what === "no session"))
    throw new Error(`A commit with ${what} was ${stamped ? "" : "not "}linked.`);
}

const pause = new Int32Array(new SharedArrayBuffer(4));

async function linked(
  folder: string,
  { sessions, transcriptBytes }: { sessions: number; transcriptBytes: number },
): Promise<string> {
  const path = repositoryIn(folder, `linked-${sessions}`);
  await using repository = await openRepository({ cwd: path, env });
  const programs = {
    node: process.execPath,
    program: join(root, "bin/holdfast.js"),
    hook: join(root, "dist/git-hook.js"),
  };
  if (statSync(programs.hook, { throwIfNoEntry: false }) === undefined)
    throw new Error("Build first: npm run build.");
  await enable({ repository, programs, settings: {}, scope: "local", dryRun: false });
  const files = new SessionFiles(repository);
  const transcriptPath = join(folder, "transcript.jsonl");
  writeFileSync(transcriptPath, "");
  truncateSync(transcriptPath, transcriptBytes);
  for (let at = 0; at < sessions; at += 1) {
    const sessionId = `session-${String(at).padStart(4, "0")}`;
    const known = newSession(
      { sessionId, agent: "claude-code", worktree: "@", worktreePath: path },
      Date.now(),
    );
    // All but one wait with files that nobody commits.
    const filesTouched = Array.from(
      { length: 20 },
      (_, file) => `src/${at === 0 ? "" : `${at}-`}file-${file}.ts`,
    );
    files.change(sessionId, () => ({ ...known, transcriptPath, filesTouched, filesTouchedCount: 20 }));
  }
  return path;
}

function repositoryIn(folder: string, name: string): string {
  const path = join(folder, `git-hooks-${name}`);
  mkdirSync(join(path, "src"), { recursive: true });
  git(path, "init", "-q", "-b", "main", ".");
  for (let at = 0; at < 200; at += 1) writeFileSync(join(path, `src/file-${at}.ts`), `${at}\n`);
  git(path, "add", "-A");
  git(path, "commit", "-q", "-m", "First");
  return path;
}

const env: NodeJS.ProcessEnv = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A",
  GIT_AUTHOR_EMAIL: "a@example.com",
  GIT_COMMITTER_NAME: "A",
  GIT_COMMITTER_EMAIL: "a@example.com",
};

function git(cwd: string, ...args: readonly string[]): string {
  return execFileSync("git", args, { cwd, env, encoding: "utf8" });
}
