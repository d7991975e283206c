import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { type MessageTrailers, parseTrailers } from "../format/trailers.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/** A commit as the reading commands know it. */
export interface CommitRecord {
  readonly id: ObjectId;
  readonly tree: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly author: string;
  readonly authoredAtMs: number;
  readonly committedAtMs: number;
  readonly subject: string;
  readonly message: string;
  readonly trailers: MessageTrailers;
}

export interface CommitsParams {
  /** Revisions and ranges as a person gives them; none in a repository without a commit. */
  readonly revisions?: readonly string[];
  /** Further arguments of `git log` of our own. */
  readonly options?: readonly string[];
  readonly maxCommits: number;
}

/** Reads commits with one `git log`. @throws git_revision_unknown */
export async function readCommits(
  repository: Repository,
  { revisions = [], options = [], maxCommits }: CommitsParams,
): Promise<readonly CommitRecord[]> {
  const args = ["-c", "log.showSignature=false", "log", "-z", "--no-color", "--no-notes", "--encoding=UTF-8"];
  const asked = [...options, `--max-count=${maxCommits}`, `--format=${format}`];
  try {
    const { stdout } = await repository.git(
      [...args, ...asked, "--end-of-options", ...revisions.map(checkRevision), "--"],
      { maxBytes: maxLogBytes, timeoutMs: logTimeoutMs },
    );
    return stdout.toString().split("\0").flatMap(recordOf);
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "git_failed") throw error;
    const said = String(error.data["stderr"]);
    if (revisions.length === 0 && /does not have any commits yet|bad default revision/.test(said)) return [];
    if (/bad revision|unknown revision|ambiguous argument|bad object/.test(said))
      throw unknownRevision(revisions.join(" "), error);
    throw error;
  }
}

/** The commit that a revision names; null where it names none. */
export async function commitNamed(repository: Repository, revision: string): Promise<ObjectId | null> {
  if (!isRevision(revision)) return null;
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${revision}^{commit}`];
  const { code, stdout } = await repository.git(args, { codes: [0, 1, 128] });
  const id = stdout.toString().trim();
  return code === 0 && /^[0-9a-f]{40,64}$/.test(id) ? id : null;
}

/** One commit. @throws git_revision_unknown */
export async function readCommit(repository: Repository, revision: string): Promise<CommitRecord> {
  const [commit] = await readCommits(repository, {
    revisions: [revision],
    options: ["--no-walk"],
    maxCommits: 1,
  });
  if (commit === undefined) throw unknownRevision(revision);
  return commit;
}

/** Whether a commit of this id, which anybody may have written down, is in the repository. */
export async function isCommitHere(
  { objects, objectFormat }: Pick<Repository, "objects" | "objectFormat">,
  commit: ObjectId,
): Promise<boolean> {
  if (commit.length !== (objectFormat === "sha1" ? 40 : 64)) return false;
  return (await objects.header(commit))?.type === "commit";
}

const format = "%H%n%T%n%P%n%at%n%ct%n%an%n%B";
const maxLogBytes = 256 * 1024 * 1024;
const logTimeoutMs = 120_000;

function recordOf(text: string): CommitRecord[] {
  const [id = "", tree = "", parents = "", authored = "", committed = "", author = "", ...body] =
    text.split("\n");
  if (!/^[0-9a-f]{40,64}$/.test(id)) return [];
  const message = body.join("\n").replace(/\n+$/, "");
  const subject = (message.split(/\n\s*\n/, 1)[0] ?? "").replaceAll("\n", " ");
  const times = { authoredAtMs: Number(authored) * 1000, committedAtMs: Number(committed) * 1000 };
  const trailers = parseTrailers(message);
  return [
    { id, tree, parents: parents.split(" ").filter(Boolean), author, ...times, subject, message, trailers },
  ];
}

function isRevision(revision: string): boolean {
  return revision !== "" && revision.length <= 1000 && !/[\p{Cc}]/u.test(revision);
}

function checkRevision(revision: string): string {
  if (isRevision(revision)) return revision;
  throw unknownRevision(revision);
}

function unknownRevision(revision: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "git_revision_unknown",
    message: `git knows no commit ${JSON.stringify(revision.slice(0, 200))} here.`,
    next: "Give a commit, a branch, a tag, or a range such as main..HEAD.",
    cause,
  });
}
