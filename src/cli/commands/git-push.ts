import { HoldfastError } from "../../core/errors.ts";
import type { Repository } from "../../git/plumbing/repository.ts";
import { destinationOf, namedRemote } from "../../git/push/destination.ts";
import { unpushed } from "../../git/push/discover.ts";
import { type PushReport, pushWaiting } from "../../git/push/push.ts";
import { PushQueue } from "../../git/push/queue.ts";
import { wholeNumber } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";

/** Pushes the checkpoints that wait; ends with 3 where some wait still. */
export async function pushCheckpoints(_: readonly string[], options: PushOptions): Promise<ExitCode> {
  const timeoutMs = wholeNumber(options.timeout ?? "600", "--timeout", 1, 86_400) * 1000;
  const report = await withRepository(async (repository) => {
    const remote = await remoteFor(repository, options.remote);
    // Also what was written before there was a remote, or while the queue could not be written.
    if (options.all === true)
      await new PushQueue(repository.commonDir).add(await unpushed({ repository, remote, timeoutMs }));
    return await pushWaiting({ repository, remote, timeoutMs });
  });
  if (options.json === true) await writeJson({ push: report });
  else await write(`${linesOf(report).join("\n")}\n`);
  return report.outcome === "done" ? exitCodes.ok : exitCodes.problems;
}

/** The remote that is given, else that of the repository's checkpoints. @throws git_remote_missing */
export async function remoteFor(repository: Repository, given: string | undefined): Promise<string> {
  if (given !== undefined) return await namedRemote(repository, given);
  const destination = await destinationOf(repository);
  if (destination.kind === "remote") return destination.name;
  throw new HoldfastError({
    code: "git_remote_missing",
    message:
      destination.kind === "local-only"
        ? "The checkpoints of this repository stay here: holdfast.push is false, or the entire CLI's push_sessions is."
        : "This repository has no remote for checkpoints.",
    next: "Name one with --remote <name>, or for good with: git config holdfast.remote <name>",
  });
}

interface PushOptions {
  readonly remote?: string;
  readonly all?: true;
  readonly timeout?: string;
  readonly json?: true;
}

function linesOf(report: PushReport): readonly string[] {
  const { remote, pushed, joined, left, failures } = report;
  const both =
    joined === 0 ? "" : `, ${joined.toLocaleString("en-US")} of them joined with another machine's`;
  const first =
    pushed === 0 && left === 0
      ? "Nothing to push."
      : `Pushed ${counted(pushed, "ref")} to ${harmlessLine(remote)}${both}.`;
  if (report.outcome === "done") return [first];
  const why = report.reason === undefined ? "" : `: ${reasons[report.reason]}`;
  return [
    first,
    `${counted(left, "ref")} still ${left === 1 ? "waits" : "wait"}${why}.`,
    ...(report.detail === undefined ? [] : [`  ${harmlessLine(report.detail)}`]),
    ...failures.map(({ ref, reason }) => `  ${ref}: ${harmlessLine(reason)}`),
  ];
}

const reasons = {
  unreachable: "the remote cannot be reached",
  out_of_time: "the time was over",
  refused: "the remote does not take them",
  withheld:
    "the remote is empty, and the branch of checkpoints would become its default; push your own branch first",
} as const;
