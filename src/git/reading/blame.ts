import { join } from "node:path";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { readOwnFile } from "../flow/own-files.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** Who wrote a line, as git tells. */
export interface Blamed {
  /** Null: it is not committed yet. */
  readonly commit: ObjectId | null;
  /** What the file was called in that commit, from the top of the repository. */
  readonly path: string;
  /** Which line it was there. */
  readonly line: number;
  readonly text: string;
  /** True: the history that is here begins with that commit, so that an earlier one may have written it. */
  readonly isBoundary: boolean;
}

export interface BlameParams {
  /** Seen from where git runs: the top of the worktree. */
  readonly path: string;
  readonly line: number;
  /** Default the file as it lies in the worktree. */
  readonly revision?: ObjectId;
}

/** Asks git who wrote a line, through renames of its file. @throws git_line_unknown */
export async function blameLine(
  repository: Repository,
  { path, line, revision }: BlameParams,
): Promise<Blamed> {
  const at = revision === undefined ? [] : [revision];
  const args = ["blame", "--porcelain", "--no-textconv", "-L", `${line},${line}`, ...at, "--", path];
  try {
    const { stdout } = await repository.git(args, { timeoutMs: blameTimeoutMs });
    const blamed = parseBlame(stdout.toString());
    return { ...blamed, isBoundary: blamed.isBoundary && isCutOff(repository, blamed.commit) };
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "git_failed") throw error;
    throw refusal({ path, line }, error);
  }
}

/** Reads what `git blame --porcelain` says of one line. */
export function parseBlame(output: string): Blamed {
  const [head = "", ...rest] = output.split("\n");
  const [commit = "", line = ""] = head.split(" ");
  const valueOf = (name: string): string | undefined =>
    rest.find((field) => field.startsWith(`${name} `))?.slice(name.length + 1);
  const text = rest.find((field) => field.startsWith("\t"))?.slice(1);
  if (!/^[0-9a-f]{40,64}$/.test(commit) || text === undefined)
    throw new HoldfastError({
      code: "git_failed",
      message: "git blame said what is no answer.",
      next: "Run it by hand to see more.",
    });
  return {
    commit: /^0+$/.test(commit) ? null : commit,
    path: unquoted(valueOf("filename") ?? ""),
    line: Number(line),
    text: text.replace(/\r$/, ""),
    isBoundary: rest.includes("boundary"),
  };
}

const blameTimeoutMs = 120_000;
const maxShallowBytes = 16 * 1024 * 1024;

// git calls the first commit of a whole history a boundary as well.
function isCutOff({ commonDir }: Repository, commit: ObjectId | null): boolean {
  const bytes = readOwnFile(join(commonDir, "shallow"), { maxBytes: maxShallowBytes });
  return commit !== null && Buffer.isBuffer(bytes) && bytes.includes(commit);
}

function unquoted(path: string): string {
  if (!path.startsWith('"') || !path.endsWith('"')) return path;
  const bytes = path
    .slice(1, -1)
    .replaceAll(/\\([abtnvfr"\\]|[0-7]{3})/g, (_, code: string) =>
      String.fromCharCode(
        code.length === 3 ? Number.parseInt(code, 8) : (escapes[code] ?? code.charCodeAt(0)),
      ),
    );
  return Buffer.from(bytes, "latin1").toString();
}

const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

function refusal({ path, line }: BlameParams, cause: HoldfastError): HoldfastError {
  const said = String(cause.data["stderr"]);
  const shown = JSON.stringify(path.slice(0, 300));
  const [, lines] = /has only (\d+) lines?/.exec(said) ?? [];
  if (lines !== undefined)
    return unknownLine(`The file ${shown} has ${lines} lines, and no line ${line}.`, cause);
  if (/no such path|no such file|cannot stat|outside repository/i.test(said))
    return unknownLine(`git follows no file ${shown} here.`, cause);
  return cause;
}

function unknownLine(message: string, cause: HoldfastError): HoldfastError {
  return new HoldfastError({
    code: "git_line_unknown",
    message,
    next: "Name a line of a file that is committed, such as src/main.ts:12.",
    cause,
  });
}
