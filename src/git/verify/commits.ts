import { isHoldfastError } from "../../core/errors.ts";
import { parseTrailers } from "../format/trailers.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Found } from "./found.ts";

/** Trailers that name no checkpoint, and checkpoints that no commit names. */
export async function verifyCommits(
  repository: Repository,
  {
    known,
    only,
    found,
  }: { readonly known: ReadonlySet<string>; readonly only: string | undefined; readonly found: Found },
): Promise<void> {
  const named = await namedInCommits(repository);
  for (const [id, commit] of named) {
    if (known.has(id) || (only !== undefined && id !== only)) continue;
    const sentence = `Its message names the checkpoint ${id}, which is not here.`;
    found.add("commit_without_checkpoint", { id, where: commit }, sentence);
  }
  for (const id of known) {
    if (named.has(id) || (only !== undefined && id !== only)) continue;
    found.add("checkpoint_without_commit", { id, where: id }, "No commit of a branch or tag names it.");
  }
}

const maxLogBytes = 384 * 1024 * 1024;

/** Each id with the newest commit that names it. */
async function namedInCommits({ git, refs }: Repository): Promise<ReadonlyMap<string, string>> {
  const named = new Map<string, string>();
  const args = [
    "log",
    "-z",
    "--no-color",
    "--no-notes",
    "--no-show-signature",
    "--encoding=UTF-8",
    "--format=%H%n%B",
  ];
  const picked = ["--fixed-strings", "--grep=Entire-Checkpoint:", "--regexp-ignore-case"];
  // The branch of checkpoints has only its own commits.
  const from = ["--exclude=entire/*", "--branches", "--tags", "--exclude=*/entire/*", "--remotes"];
  const head = (await refs.read("HEAD").catch(() => null)) === null ? [] : ["HEAD"];
  const text = await outputOf(() =>
    git([...args, ...picked, ...from, ...head, "--"], { maxBytes: maxLogBytes, timeoutMs: 600_000 }),
  );
  for (const entry of text.split("\0")) {
    const [commit = "", ...lines] = entry.split("\n");
    for (const id of parseTrailers(lines.join("\n")).checkpoints) if (!named.has(id)) named.set(id, commit);
  }
  return named;
}

async function outputOf(run: () => Promise<{ readonly stdout: Buffer }>): Promise<string> {
  try {
    return (await run()).stdout.toString();
  } catch (error) {
    // Without a commit, or with a ref that names none, git gives no log; that ref is told elsewhere.
    if (isHoldfastError(error) && error.code === "git_failed") return "";
    throw error;
  }
}
