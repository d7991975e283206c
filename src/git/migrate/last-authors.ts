import { isHoldfastError } from "../../core/errors.ts";
import { idOfTreePath } from "../format/ids.ts";
import type { Identity } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";

/**
 * Who wrote each checkpoint of a sharded tree last, and when: one `git log` of all its history, since reading commit by
 * commit takes ten times as long. Checkpoints that are not in it have no entry.
 */
export async function lastAuthors(
  repository: Repository,
  ref: string,
): Promise<ReadonlyMap<string, Identity>> {
  const authors = new Map<string, Identity>();
  let who: Identity | undefined;
  for (const line of (await logOf(repository, ref)).split("\n")) {
    if (line.startsWith(mark)) who = identityIn(line);
    else if (who !== undefined) {
      const [, shard = "", name = ""] = /^"?([0-9A-Za-z]{2})\/([0-9A-Za-z]{10,24})\//.exec(line) ?? [];
      const id = idOfTreePath({ shard, name });
      if (id !== undefined && !authors.has(id)) authors.set(id, who);
    }
  }
  return authors;
}

// git quotes names with control characters, so that no line of a file begins so.
const mark = "\u0001";
const maxLogBytes = 384 * 1024 * 1024;

async function logOf({ git }: Repository, ref: string): Promise<string> {
  const options = ["--topo-order", "--no-renames", "--name-only", "--no-color", "--no-show-signature"];
  const format = `--format=%x01%an%x01%ae%x01%ad`;
  const args = ["-c", "core.quotePath=true", "log", ...options, "--date=raw", "--encoding=UTF-8", format];
  try {
    const limits = { maxBytes: maxLogBytes, timeoutMs: 600_000 };
    return (await git([...args, "--end-of-options", ref, "--"], limits)).stdout.toString();
  } catch (error) {
    // A history too long to be read names nobody: checkpoints are then carried over under this repository's identity.
    if (isHoldfastError(error) && error.code === "git_output_too_large") return "";
    throw error;
  }
}

function identityIn(line: string): Identity | undefined {
  const [name = "", email = "", date = ""] = line.slice(1).split(mark);
  const [, seconds, offset] = /^(\d{1,12}) ([+-]\d{4})$/.exec(date) ?? [];
  if (seconds === undefined || offset === undefined) return undefined;
  return { name, email, atMs: Number(seconds) * 1000, offset };
}
