import type { LinkedCheckpoint, LoggedCommit } from "../../git/reading/log.ts";
import { readLog } from "../../git/reading/log.ts";
import { wholeNumber } from "../arguments.ts";
import { agentsOf, confidenceWords, lineOf, tokensOf } from "../checkpoint-words.ts";
import { withCheckpoints } from "../checkpoints.ts";
import { localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";
import { terminalWidth } from "../streams.ts";
import { stdoutStyle, type Style } from "../style.ts";
import { cut } from "../width.ts";

/** Lists commits with the sessions that made them. */
export async function logGit(revisions: readonly string[], options: LogOptions): Promise<ExitCode> {
  const maxCommits = wholeNumber(options.number ?? "20", "-n", 1, 1_000_000);
  const logged = await withCheckpoints(({ repository, index }) =>
    readLog({ repository, index, revisions, maxCommits }),
  );
  if (options.json === true) await writeJson({ commits: logged.map(forJson) });
  else
    await write(
      linesOf(logged)
        .map((line) => `${line}\n`)
        .join(""),
    );
  return exitCodes.ok;
}

interface LogOptions {
  readonly number?: string;
  readonly json?: true;
}

function forJson({ commit, checkpoints }: LoggedCommit): object {
  const { message: _message, trailers, ...rest } = commit;
  return { ...rest, sessions: trailers.sessions, checkpoints };
}

function linesOf(logged: readonly LoggedCommit[]): string[] {
  const style = stdoutStyle();
  const width = terminalWidth() ?? Number.POSITIVE_INFINITY;
  if (logged.length === 0) return ["There are no commits yet."];
  return logged.flatMap((one) => commitLines(one, style).map((line) => cut(line, width)));
}

function commitLines({ commit, checkpoints }: LoggedCommit, style: Style): string[] {
  const head = `${style.cyan(commit.id.slice(0, 10))} ${localTime(commit.authoredAtMs)} ${lineOf(commit.subject)}`;
  const trailed = commit.trailers.sessions.map((session) => `  session ${lineOf(session)}`);
  return [head, ...checkpoints.flatMap(checkpointLines), ...(checkpoints.length === 0 ? trailed : [])];
}

function checkpointLines({ id, confidence, facts }: LinkedCheckpoint): string[] {
  if (facts === null)
    return [`  ${id}${confidenceWords(confidence)} is not here; bring it with: holdfast git fetch ${id}`];
  const told = [agentsOf(facts), tokensOf(facts.usage)].filter((part) => part !== "").join(" · ");
  const prompts = facts.sessions.flatMap(({ prompt }) =>
    prompt === null || prompt === "" ? [] : [`    ❯ ${lineOf(prompt)}`],
  );
  return [
    `  ${id}  ${told}${confidenceWords(confidence)}`,
    ...prompts.slice(0, shownPrompts),
    ...moreOf(prompts.length),
  ];
}

const shownPrompts = 5;

function moreOf(count: number): string[] {
  return count > shownPrompts ? [`    … and ${count - shownPrompts} more sessions`] : [];
}
