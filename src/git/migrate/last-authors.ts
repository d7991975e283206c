import { isHoldfastError } from "../../core/errors.ts";
import { idOfTreePath } from "../format/ids.ts";
import type { Identity } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Tally } from "./report.ts";

/**
 * Who wrote each checkpoint of a sharded tree last, and when: one `git log` of all its history, since reading commit by
 * commit takes ten times as long. Checkpoints that are not in it have no entry; of a history that cannot be read there is
 * none, as goes to `problems`.
 */
export async function lastAuthors(
  repository: Repository,
  ref: string,
  problems: Tally["problems"],
): Promise<ReadonlyMap<string, Identity>> {
  const authors = new Map<string, Identity>();
  let who: Identity | undefined;
  for (const line of (await logOf(repository, ref, problems)).split("\n")) {
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

// One too long to be read, or one of whose commits something is lost.
const isOfHistory: ReadonlySet<string> = new Set(["git_output_too_large", "git_failed"]);
const unknownAuthors =
  "It is not known who wrote its checkpoints, and when, so that they come over under this repository's identity:";

async function logOf({ git }: Repository, ref: string, problems: Tally["problems"]): Promise<string> {
  const options = ["--topo-order", "--no-renames", "--name-only", "--no-color", "--no-show-signature"];
  const format = `--format=%x01%an%x01%ae%x01%ad`;
  const args = ["-c", "core.quotePath=true", "log", ...options, "--date=raw", "--encoding=UTF-8", format];
  try {
    const limits = { maxBytes: maxLogBytes, timeoutMs: 600_000 };
    return (await git([...args, "--end-of-options", ref, "--"], limits)).stdout.toString();
  } catch (error) {
    if (!isHoldfastError(error) || !isOfHistory.has(error.code)) throw error;
    problems.push({ id: ref, reason: `${unknownAuthors} ${error.message}` });
    return "";
  }
}

function identityIn(line: string): Identity | undefined {
  const [name = "", email = "", date = ""] = line.slice(1).split(mark);
  const [, seconds, offset] = /^(\d{1,12}) ([+-]\d{4})$/.exec(date) ?? [];
  if (seconds === undefined || offset === undefined) return undefined;
  return { name, email, atMs: Number(seconds) * 1000, offset };
}
