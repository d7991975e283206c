import { expiredArchives, removeArchives } from "../../git/layouts/v2/retention.ts";
import type { Ref } from "../../git/plumbing/refs.ts";
import type { Repository } from "../../git/plumbing/repository.ts";
import { Deadline } from "../../git/push/deadline.ts";
import { destinationOf, namedRemote } from "../../git/push/destination.ts";
import { Remote } from "../../git/push/remote.ts";
import { pointInTime } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";

/** Lets archives of the layout v2 go that hold nothing younger, here and on the remote; ends with 3 where the remote keeps one. */
export async function expireArchives(_: readonly string[], options: ExpireOptions): Promise<ExitCode> {
  const beforeMs = pointInTime(options.before, "--before", Date.now());
  return await withRepository(async (repository) => {
    const expired = await expiredArchives(repository, { beforeMs });
    const { dryRun = false } = options;
    const remote = options.local === true ? undefined : await remoteOf(repository, options.remote);
    const kept = dryRun || remote === undefined ? [] : await keptThere(repository, remote, expired);
    const gone = expired.filter((archive) => !kept.some(({ ref }) => ref === archive.name));
    const removed = dryRun ? [] : await removeArchives(repository, gone);
    if (options.json === true)
      await writeJson({ expired: expired.map(({ name }) => name), removed, kept, dryRun });
    else await write(`${linesOf({ expired, removed, kept, dryRun }).join("\n")}\n`);
    return kept.length === 0 ? exitCodes.ok : exitCodes.problems;
  });
}

interface ExpireOptions {
  readonly before: string;
  readonly remote?: string;
  readonly local?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

interface Kept {
  readonly ref: string;
  readonly reason: string;
}

const timeoutMs = 120_000;

async function remoteOf(repository: Repository, given: string | undefined): Promise<string | undefined> {
  if (given !== undefined) return await namedRemote(repository, given);
  const destination = await destinationOf(repository);
  return destination.kind === "remote" ? destination.name : undefined;
}

// The remote first: what is gone here alone would come back with the next fetch.
async function keptThere(
  repository: Repository,
  name: string,
  archives: readonly Ref[],
): Promise<readonly Kept[]> {
  const remote = new Remote({ repository, name, deadline: new Deadline({ timeoutMs }) });
  const kept: Kept[] = [];
  for (const archive of archives) {
    const reason = await remote.remove(archive);
    if (reason !== undefined) kept.push({ ref: archive.name, reason });
  }
  return kept;
}

function linesOf({ expired, removed, kept, dryRun }: Expired): readonly string[] {
  if (expired.length === 0) return ["No archive is that old."];
  const names = dryRun ? expired.map(({ name }) => name) : removed;
  return [
    `${dryRun ? "Would remove" : "Removed"} ${counted(names.length, "archive")}; what is on main stays.`,
    ...names.map((name) => `  ${name}`),
    ...kept.map(({ ref, reason }) => `${ref} stays, since the remote keeps it: ${harmlessLine(reason)}`),
  ];
}

interface Expired {
  readonly expired: readonly Ref[];
  readonly removed: readonly string[];
  readonly kept: readonly Kept[];
  readonly dryRun: boolean;
}
