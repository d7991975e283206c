import {
  explain,
  type Explained,
  type ExplainedSession,
  type ExplainedTask,
} from "../../git/reading/explain.ts";
import { readCommit } from "../../git/reading/commits.ts";
import { checkpointsOf, type CommitLink, resolveName } from "../../git/reading/resolve.ts";
import { aboutDollars, lineOf, tokensOf } from "../checkpoint-words.ts";
import { type Checkpoints, withCheckpoints } from "../checkpoints.ts";
import { partLines } from "../checkpoint-transcript.ts";
import { counted, localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmless } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { terminalWidth } from "../streams.ts";
import { stdoutStyle } from "../style.ts";
import type { Layout } from "../transcript.ts";
import { redactText } from "../../core/redaction.ts";
import { isHoldfastError } from "../../core/errors.ts";

/** Tells how a commit came about: the prompts, files, tools, cost and transcript of its checkpoints. */
export async function explainGit([name = ""]: readonly string[], options: ExplainOptions): Promise<ExitCode> {
  return await withCheckpoints(async (checkpoints) => {
    const links = await linksOf(checkpoints, name);
    if (links.length === 0) {
      if (options.json === true) await writeJson({ checkpoints: [] });
      else await write(`${lineOf(name)} has no checkpoint, and none was found by its files or its change.\n`);
      return exitCodes.problems;
    }
    const maxPartBytes = options.full === true ? maxFullBytes : maxShortBytes;
    const explained = [];
    for (const { id, ...link } of links) {
      const { repository, source } = checkpoints;
      const found = await explain({ repository, source, id, maxPartBytes }).catch(missing);
      explained.push({ id, ...link, explained: found });
    }
    if (options.json === true) await writeJson({ checkpoints: explained });
    else for (const one of explained) await print(one, options);
    return explained.some((one) => one.explained === null) ? exitCodes.problems : exitCodes.ok;
  });
}

interface ExplainOptions {
  readonly full?: true;
  readonly transcript?: boolean;
  readonly json?: true;
}

const maxShortBytes = 4 * 1024 * 1024;
const maxFullBytes = 128 * 1024 * 1024;
const maxShortBlocks = 60;
const maxShownFiles = 20;
const maxShownFindings = 20;

async function linksOf(checkpoints: Checkpoints, name: string): Promise<readonly CommitLink[]> {
  const named = await resolveName({ ...checkpoints, name });
  if (named.kind === "checkpoint") return [{ id: named.id, confidence: "trailer", reason: null }];
  return await checkpointsOf(checkpoints, await readCommit(checkpoints.repository, named.commit));
}

function missing(error: unknown): null {
  if (isHoldfastError(error) && error.code === "checkpoint_unknown") return null;
  throw error;
}

async function print(
  { id, confidence, reason, explained }: CommitLink & { readonly explained: Explained | null },
  options: ExplainOptions,
): Promise<void> {
  const style = stdoutStyle();
  const layout: Layout = { style, width: terminalWidth() };
  const why =
    confidence === "trailer" ? [] : [`linked without a trailer, ${confidence} confidence: ${reason ?? ""}`];
  if (explained === null) {
    await write(
      [
        `${style.bold(`Checkpoint ${id}`)} is not in this repository.`,
        ...why,
        `If it was pushed, bring it with: holdfast git fetch ${id}`,
        "",
      ].join("\n"),
    );
    return;
  }
  const { facts, commits, findings, tasks, sessions } = explained;
  const head = [
    style.bold(`Checkpoint ${id}`),
    ...why,
    ...commits.map((commit) => `commit ${commit.id.slice(0, 10)} ${lineOf(commit.subject)}`),
    [
      facts.branch === null ? "" : `branch ${lineOf(facts.branch)}`,
      facts.atMs === null ? "" : localTime(facts.atMs),
      counted(facts.files, "file"),
      tokensOf(facts.usage),
    ]
      .filter((part) => part !== "")
      .join(" · "),
    ...findingLines(findings).map(style.dim),
  ];
  await write(`${head.join("\n")}\n`);
  for (const session of sessions) await write(`${sessionLines(session, layout, options).join("\n")}\n`);
  for (const task of tasks) await write(`${taskLines(task, layout, options).join("\n")}\n`);
}

/** What was seen in real data and is harmless is only counted. */
function findingLines(findings: Explained["findings"]): string[] {
  const telling = findings.filter(({ severity }) => severity !== "note");
  const notes = findings.length - telling.length;
  const shown = telling
    .slice(0, maxShownFindings)
    .map(({ severity, where, sentence }) => `${severity}: ${lineOf(where)}: ${lineOf(sentence)}`);
  const more = telling.length - shown.length + notes;
  return [...shown, ...(more === 0 ? [] : [`${counted(more, "further finding")}: see them with --json`])];
}

function sessionLines(session: ExplainedSession, layout: Layout, options: ExplainOptions): string[] {
  const { style } = layout;
  const facts = [
    lineOf(session.model ?? ""),
    session.atMs === null ? "" : localTime(session.atMs),
    tokensOf(session.usage),
    aboutDollars(session.microDollars),
  ];
  const title = `${lineOf(session.agent ?? "unknown agent")} session ${lineOf(session.session ?? `in slot ${session.slot}`)}`;
  return [
    "",
    style.bold(title),
    style.dim(facts.filter((part) => part !== "").join(" · ")),
    ...session.prompts.flatMap((prompt) =>
      safeLines(prompt).map((line, at) => (at === 0 ? `❯ ${line}` : `  ${line}`)),
    ),
    ...summaryLines(session.summary),
    ...fileLines(session),
    ...(options.transcript === false ? [] : partLines(session.part, layout, blocksOf(options))),
  ];
}

function taskLines(task: ExplainedTask, layout: Layout, options: ExplainOptions): string[] {
  const ended =
    task.completedAtMs === null ? "still ran when this was stored" : `until ${localTime(task.completedAtMs)}`;
  const facts = [
    task.startedAtMs === null ? "" : `from ${localTime(task.startedAtMs)}`,
    ended,
    tokensOf(task.usage),
  ];
  const inner: Layout = { ...layout, width: layout.width === undefined ? undefined : layout.width - 2 };
  return [
    "",
    layout.style.bold(
      `Subagent ${lineOf(task.agent ?? task.toolUseId)}: ${lineOf(task.description ?? "no description")}`,
    ),
    layout.style.dim(facts.filter((part) => part !== "").join(" · ")),
    ...fileLines({ files: task.files, filesCount: task.files.length }),
    ...(options.transcript === false
      ? []
      : partLines(task.part, inner, blocksOf(options)).map((line) => `  ${line}`.trimEnd())),
  ];
}

function blocksOf({ full }: ExplainOptions): number {
  return full === true ? Number.POSITIVE_INFINITY : maxShortBlocks;
}

function fileLines({ files, filesCount }: Pick<ExplainedSession, "files" | "filesCount">): string[] {
  const shown = files.slice(0, maxShownFiles).map((path) => `  ${lineOf(path)}`);
  const more = filesCount - shown.length;
  return filesCount === 0
    ? []
    : [
        `${counted(filesCount, "file")}:`,
        ...shown,
        ...(more > 0 ? [`  … and ${more.toLocaleString("en-US")} more`] : []),
      ];
}

/** The intent and the outcome of a summary (section 3.3). */
function summaryLines(summary: unknown): string[] {
  if (typeof summary !== "object" || summary === null) return [];
  return ["intent", "outcome"].flatMap((key) => {
    const text: unknown = Reflect.get(summary, key);
    return typeof text === "string" && text !== "" ? [`${key}: ${lineOf(text)}`] : [];
  });
}

function safeLines(text: string): string[] {
  return harmless(redactText(text)).split("\n").slice(0, 200);
}
