import { isHoldfastError } from "../core/errors.ts";
import { parseTrailers } from "./format/trailers.ts";
import type { Repository } from "./plumbing/repository.ts";

/** Each checkpoint's id with the commits of branches and tags whose messages name it, the newest first. */
export async function namedInCommits({
  git,
  refs,
}: Repository): Promise<ReadonlyMap<string, readonly string[]>> {
  const named = new Map<string, string[]>();
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
  const from = await tipsOf({ refs });
  const text = await outputOf(() =>
    git([...args, ...picked, ...from, "--"], { maxBytes: maxLogBytes, timeoutMs: 600_000 }),
  );
  for (const entry of text.split("\0")) {
    const [commit = "", ...lines] = entry.split("\n");
    for (const id of parseTrailers(lines.join("\n")).checkpoints)
      if (named.has(id)) named.get(id)!.push(commit);
      else named.set(id, [commit]);
  }
  return named;
}

/** Every commit of branches and tags. */
export async function heldCommits({ git, refs }: Repository): Promise<ReadonlySet<string>> {
  const from = await tipsOf({ refs });
  const limits = { maxBytes: maxLogBytes, timeoutMs: 600_000 };
  return new Set((await outputOf(() => git(["rev-list", ...from, "--"], limits))).split("\n"));
}

async function tipsOf({ refs }: Pick<Repository, "refs">): Promise<readonly string[]> {
  const head = (await refs.read("HEAD").catch(() => null)) === null ? [] : ["HEAD"];
  // The branch of checkpoints has only its own commits.
  return ["--exclude=entire/*", "--branches", "--tags", "--exclude=*/entire/*", "--remotes", ...head];
}

const maxLogBytes = 384 * 1024 * 1024;

async function outputOf(run: () => Promise<{ readonly stdout: Buffer }>): Promise<string> {
  try {
    return (await run()).stdout.toString();
  } catch (error) {
    // Without a commit, or with a ref that names none, git gives no log; that ref is told elsewhere.
    if (isHoldfastError(error) && error.code === "git_failed") return "";
    throw error;
  }
}
