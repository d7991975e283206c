import { bodyOf, isBlank, isComment, type CommentStyle } from "./message-body.ts";
import { shapeOfId } from "./ids.ts";

/** What a commit's message says of checkpoints. */
export interface MessageTrailers {
  /** Each once, in the order of the message: a squash may hold several (specification, section 1). */
  readonly checkpoints: readonly string[];
  /** Session ids that Holdfast noted. */
  readonly sessions: readonly string[];
  /** Trailers that were once written, by name. */
  readonly old: ReadonlyMap<OldTrailer, readonly string[]>;
}

type OldTrailer = (typeof oldTrailers)[number];

/** What to add to a message. */
export interface NewTrailers {
  readonly checkpoints?: readonly string[];
  readonly sessions?: readonly string[];
}

/** Reads all trailers of a message, wherever they stand outside of git's comments. */
export function parseTrailers(message: string, comments?: CommentStyle): MessageTrailers {
  const lines = wordsOf(bodyOf(message, comments).lines, comments);
  const old = new Map<OldTrailer, readonly string[]>();
  for (const name of oldTrailers) {
    const values = valuesOf(lines, name);
    if (values.length > 0) old.set(name, values);
  }
  const ids = [...lines.join("\n").matchAll(checkpointScan)].map((match) => match[1] ?? "");
  return {
    checkpoints: unique(ids.filter((id) => shapeOfId(id) !== undefined)),
    sessions: unique(valuesOf(lines, sessionTrailer).filter(isSessionValue)),
    old,
  };
}

/** The message with trailers in its last block, above git's comments; one that is there already is not added again. */
export function addTrailers(message: string, trailers: NewTrailers, comments?: CommentStyle): string {
  const present = parseTrailers(message, comments);
  const added = [
    ...unique(trailers.checkpoints ?? [])
      .filter((id) => !present.checkpoints.includes(id))
      .map((id) => `${checkpointTrailer}: ${id}`),
    ...unique(trailers.sessions ?? [])
      .filter((id) => !present.sessions.includes(id))
      .map((id) => `${sessionTrailer}: ${id}`),
  ];
  if (added.length === 0) return message;
  const { lines, rest } = bodyOf(message, comments);
  const text = [...lines, ...(endsInTrailers(lines, comments) ? [] : [""]), ...added].join("\n");
  // An editor opens on an empty first line for the subject.
  const body = lines.length === 0 ? `\n${text}` : text;
  return rest === "" ? `${body}\n` : `${body}\n${rest}`;
}

/** The message without the trailers of checkpoints and sessions, and without the gap that they leave. */
export function stripTrailers(message: string, comments?: CommentStyle): string {
  const { lines, rest } = bodyOf(message, comments);
  const kept = lines.filter((line) => !isOwnTrailer(line));
  if (kept.length === lines.length) return message;
  while (kept.length > 0 && isBlank(kept.at(-1) ?? "")) kept.pop();
  const body = kept.map((line) => `${line}\n`).join("");
  return body + rest;
}

/** True for a message that says nothing but trailers of checkpoints and sessions: git is to take it for an empty one. */
export function saysNothingElse(message: string, comments?: CommentStyle): boolean {
  const lines = wordsOf(bodyOf(message, comments).lines, comments);
  return lines.some(isOwnTrailer) && lines.every((line) => isBlank(line) || isOwnTrailer(line));
}

const checkpointTrailer = "Entire-Checkpoint";
const sessionTrailer = "Agent-Session";
const oldTrailers = [
  "Entire-Metadata",
  "Entire-Metadata-Task",
  "Base-Commit",
  "Entire-Condensation",
  "Entire-Source-Ref",
  "Entire-Attribution",
] as const;

// What the format's other readers look for, word for word (section 1); their `\s` knows no Unicode.
const checkpointScan =
  /Entire-Checkpoint:[\t\n\f\r ]*([0-9a-f]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25})(?=[\t\n\f\r ]|$)/g;
const trailerLine = /^[A-Za-z0-9-]+[ \t]*:/;
const madeByGit = /^(?:Signed-off-by: |\(cherry picked from commit )/;

function valuesOf(lines: readonly string[], name: string): string[] {
  const start = `${name}:`;
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length).trim());
}

function isSessionValue(value: string): boolean {
  return /^[\w.:@-]{1,200}$/.test(value);
}

function isOwnTrailer(line: string): boolean {
  const value = /^(?:Entire-Checkpoint|Agent-Session):[\t ]*(\S+)[\t ]*\r?$/.exec(line)?.[1];
  return (
    value !== undefined &&
    (line.startsWith(sessionTrailer) ? isSessionValue(value) : shapeOfId(value) !== undefined)
  );
}

// As git tells a trailer block: the last paragraph, not the first, of trailers alone, or a quarter of them with one of git's own.
function endsInTrailers(lines: readonly string[], comments: CommentStyle | undefined): boolean {
  let [trailers, others, folded, hasGits] = [0, 0, 0, false];
  for (const line of lines.slice(titleLength(lines, comments)).toReversed()) {
    if (isComment(line, comments) || isBlank(line)) {
      others += folded;
      folded = 0;
      if (isBlank(line)) return (hasGits && trailers * 3 >= others) || (trailers > 0 && others === 0);
    } else if (madeByGit.test(line) || trailerLine.test(line)) {
      trailers += 1;
      folded = 0;
      hasGits ||= madeByGit.test(line);
    } else if (/^\s/.test(line)) {
      folded += 1;
    } else {
      others += folded + 1;
      folded = 0;
    }
  }
  return false;
}

function titleLength(lines: readonly string[], comments: CommentStyle | undefined): number {
  const end = lines.findIndex((line) => isBlank(line) && !isComment(line, comments));
  return end === -1 ? lines.length : end;
}

function wordsOf(lines: readonly string[], comments: CommentStyle | undefined): readonly string[] {
  return lines.filter((line) => !isComment(line, comments));
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
