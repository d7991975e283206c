/** How git marks its comments in a message that is being edited; a message without a style has none. */
export interface CommentStyle {
  /** `core.commentChar`, by default `#`; of more than one character where git allows it. */
  readonly start: string;
}

/** The lines of a message that are its own, and the rest below: blank lines, comments, and all under the scissors. */
export interface MessageBody {
  readonly lines: readonly string[];
  readonly rest: string;
}

/** Splits a message where git's comments begin. Comments between its own lines stay there, and are none of its words. */
export function bodyOf(message: string, comments?: CommentStyle): MessageBody {
  const lines = message.split("\n");
  const end = comments === undefined ? lines.length : scissorsIn(lines, comments);
  let length = end;
  for (; length > 0; length -= 1) {
    const line = lines[length - 1] ?? "";
    if (!isBlank(line) && !isComment(line, comments)) break;
  }
  return { lines: lines.slice(0, length), rest: restOf(lines, length) };
}

/** The style that a message shows where `core.commentChar` is `auto`: what its last marked line begins with. */
export function guessCommentStyle(message: string): CommentStyle {
  const last = message.split("\n").findLast((line) => !isBlank(line));
  const start = /^([#;@!$%^&|:])(?: |\t|$)/.exec(last ?? "")?.[1];
  return { start: start ?? "#" };
}

/** True for what git takes for an empty line. */
export function isBlank(line: string): boolean {
  return /^[ \t\r\v\f]*$/.test(line);
}

export function isComment(line: string, comments: CommentStyle | undefined): boolean {
  return comments !== undefined && line.startsWith(comments.start);
}

function scissorsIn(lines: readonly string[], { start }: CommentStyle): number {
  const at = lines.indexOf(`${start} ------------------------ >8 ------------------------`);
  return at === -1 ? lines.length : at;
}

// Blank lines at the end that no comment follows are what git cuts away itself.
function restOf(lines: readonly string[], from: number): string {
  const rest = lines.slice(from);
  return rest.every(isBlank) ? "" : rest.join("\n");
}
