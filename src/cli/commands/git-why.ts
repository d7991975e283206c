import { lateWords, matchWords } from "../../git/reading/line-match.ts";
import { parseLine, type Why, why } from "../../git/reading/why.ts";
import { confidenceWords, lineOf } from "../checkpoint-words.ts";
import { withCheckpoints } from "../checkpoints.ts";
import { localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";
import { stdoutStyle } from "../style.ts";

/** Tells which turn of which session wrote a line; ends with 3 where nobody can tell. */
export async function whyGit([place = ""]: readonly string[], options: WhyOptions): Promise<ExitCode> {
  const { file, line } = parseLine(place);
  const { rev: revision } = options;
  const found = await withCheckpoints((checkpoints) =>
    why({ ...checkpoints, file, line, cwd: process.cwd(), ...(revision === undefined ? {} : { revision }) }),
  );
  if (options.json === true) await writeJson({ why: forJson(found) });
  else await write(`${linesOf(found).join("\n")}\n`);
  return found.turn === null ? exitCodes.problems : exitCodes.ok;
}

interface WhyOptions {
  readonly rev?: string;
  readonly json?: true;
}

function forJson({ turn, commit, ...rest }: Why): object {
  const { message: _message, trailers: _trailers, ...shown } = commit ?? {};
  return {
    ...rest,
    commit: commit === null ? null : shown,
    turn: turn === null ? null : { ...turn, ...wordsOf(turn) },
  };
}

function wordsOf({ match, isLate }: NonNullable<Why["turn"]>): {
  readonly sure: string;
  readonly reason: string;
} {
  return isLate ? lateWords : matchWords[match];
}

function linesOf(found: Why): string[] {
  const { path, line, blamed, commit } = found;
  const head = [`${lineOf(path)}:${line}  ${lineOf(blamed.text)}`];
  if (commit === null) return [...head, "This line is not committed yet: no checkpoint can hold it."];
  const cutOff = blamed.isBoundary
    ? ["The history here begins with that commit: an earlier one may have written it."]
    : [];
  const was = blamed.path === path ? "" : `, as ${lineOf(blamed.path)}`;
  return [
    ...head,
    `commit ${commit.id.slice(0, 10)} ${localTime(commit.authoredAtMs)} ${lineOf(commit.author)}: ${lineOf(commit.subject)}${was}`,
    ...cutOff,
    ...checkpointLines(found),
    ...turnLines(found),
  ];
}

function checkpointLines({ checkpoints, missing }: Why): string[] {
  if (checkpoints.length === 0)
    return ["The commit has no checkpoint, and none was found by its files or its change."];
  return checkpoints.map(({ id, confidence }) => {
    const where = missing.includes(id) ? ` is not here; bring it with: holdfast git fetch ${id}` : "";
    return `checkpoint ${id}${confidenceWords(confidence)}${where}`;
  });
}

function turnLines({ turn, checkpoints, missing }: Why): string[] {
  if (turn === null)
    return checkpoints.length > missing.length
      ? ["No session of the checkpoint wrote this line: a person may have."]
      : [];
  const { bold, cyan, dim } = stdoutStyle();
  const { sure, reason } = wordsOf(turn);
  const by = turn.task === null ? "" : " by a subagent";
  const at = turn.atMs === null ? "" : ` at ${localTime(turn.atMs)}`;
  const prompt =
    turn.prompt === null
      ? "No prompt stands before it."
      : `${cyan("❯ ")}${bold(lineOf(turn.prompt).slice(0, 2000))}`;
  return [
    `${lineOf(turn.agent ?? "unknown agent")} session ${lineOf(turn.session ?? `in slot ${turn.slot}`)}, ${lineOf(turn.tool)}${at}${by}`,
    prompt,
    dim(`${sure} confidence: ${reason}`),
  ];
}
