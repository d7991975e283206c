import { mkdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { importTranscript } from "../../agents/claude/import-transcript.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { importCheckpoints, type ImportReport } from "../../git/import.ts";
import type { ClaudeTranscript } from "../../git/import/claude-code.ts";
import type { SessionResult } from "../../git/import/session-result.ts";
import type { Repository } from "../../git/plumbing/repository.ts";
import { counted, size } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { say, write, writeJson } from "../output.ts";
import { progressBar } from "../progress.ts";
import { isRedactedExtra, SaidLines } from "../said-lines.ts";
import { homesOf } from "../session-homes.ts";
import { type StoreOption, withNewStore } from "../store.ts";

/** Brings the sessions of this repository's checkpoints into the store; ends with 3 where some could not be read. */
export async function importGit(_: readonly string[], options: ImportOptions): Promise<ExitCode> {
  const bar = progressBar();
  const report = await withRepository((repository) =>
    withNewStore(options, (store) =>
      importCheckpoints({
        ...{ repository, store, onProgress: bar.update, dryRun: options.dryRun === true },
        homeOf: (session, provider) =>
          homeOf(store, { project: options.project ?? projectOf(repository), session }, provider),
        importClaude: (transcript) => importClaude({ repository, store, transcript }),
      }),
    ),
  ).finally(bar.done);
  if (options.json === true) await writeJson({ import: report });
  else await writeReport(report);
  return report.problems.length > 0 ? exitCodes.problems : exitCodes.ok;
}

interface ImportOptions extends StoreOption {
  readonly project?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** As Claude Code names the folder of a project, so that both of its ways into the store meet. */
function projectOf({ worktree, commonDir }: Repository): string {
  return (worktree ?? commonDir).replaceAll(/[^a-zA-Z0-9]/g, "-");
}

async function homeOf(store: Store, key: SessionKey, provider: string): Promise<SessionKey | undefined> {
  if (provider !== "claude-code") return (await store.tombstone(key)) === null ? key : undefined;
  const home = (await homesOf(store, [key]))(key);
  return home.state === "run" || home.state === "removed" ? undefined : { ...key, project: home.project };
}

/** By a file of a fixed name and time: a transcript that was imported before is then known by them. */
async function importClaude({
  repository,
  store,
  transcript: { key, name, pieces, atMs },
}: {
  repository: Repository;
  store: Store;
  transcript: ClaudeTranscript;
}): Promise<SessionResult> {
  const folder = join(repository.commonDir, "holdfast", "import");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${name}.jsonl`);
  try {
    rmSync(path, { force: true });
    await writeFile(
      path,
      withoutSaidLines(pieces, () => SaidLines.of(store, key)),
      {
        ...{ mode: 0o600, flag: "wx" },
      },
    );
    utimesSync(path, atMs / 1000, atMs / 1000);
    const { size: bytes, mtimeMs } = statSync(path);
    const file = {
      ...{ path, projectKey: key.project, sessionId: key.session, log: key.log },
      ...{ size: bytes, mtimeMs },
    };
    const result = await importTranscript({ store, file, key });
    // Checkpoints are redacted: where the store has the line as it was said, that one stays.
    const told = result.conflicts.map(({ line, uuid }) => `${path}:${line}: ${uuid} `);
    const problems = result.problems.filter((problem) => !told.some((start) => problem.startsWith(start)));
    const { entries, duplicates } = result;
    const shown = key.log === "" ? key.session : `${key.session} ${key.log}`;
    return { entries, duplicates, problems: problems.map((problem) => problem.replaceAll(path, shown)) };
  } finally {
    rmSync(path, { force: true });
  }
}

/** A transcript without redacted lines that the store has as they were said. Pieces end where lines do. */
async function* withoutSaidLines(
  pieces: AsyncIterable<Buffer>,
  read: () => Promise<SaidLines>,
): AsyncGenerator<Buffer | string> {
  let said: SaidLines | undefined;
  for await (const piece of pieces) {
    if (!piece.includes("REDACTED")) {
      yield piece;
      continue;
    }
    const kept: string[] = [];
    for (const line of piece.toString().split("\n"))
      if (!isRedactedExtra(line) || !(said ??= await read()).take(line)) kept.push(line);
    yield kept.join("\n");
  }
}

async function writeReport(report: ImportReport): Promise<void> {
  const { dryRun, sessions, bytes, entries, duplicates, links, leftOut, problems } = report;
  for (const problem of problems) say(`problem: ${harmlessLine(problem)}`);
  const first = dryRun
    ? `Would import ${counted(sessions, "session")} (${size(bytes)}B).`
    : `Imported ${counted(entries, "new entry")} and ${counted(links, "link")} of ${counted(sessions, "session")} (${size(bytes)}B); ${duplicates} already there.`;
  const left =
    leftOut.length === 0
      ? ""
      : `Left out ${counted(leftOut.length, "session")} that Holdfast ran or that was removed.\n`;
  await write(`${first}\n${left}`);
}
