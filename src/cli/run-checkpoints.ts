import { statSync } from "node:fs";
import { isAbsolute } from "node:path";
import { type HoldfastError, isHoldfastError } from "../core/errors.ts";
import { textOf } from "../core/json.ts";
import type { Store } from "../core/store.ts";
import { readFlowSettings } from "../git/flow/flow-settings.ts";
import { openFlow } from "../git/flow/flow-worker.ts";
import { type RunCommit, writeRunCheckpoint } from "../git/flow/run-checkpoint.ts";
import { openRepository } from "../git/plumbing/open-repository.ts";
import type { Repository } from "../git/plumbing/repository.ts";
import { type CommittedRun, transcriptOf } from "../runtime/committed-run.ts";
import type { GitCheckpointsParams, MadeCommit } from "./git-checkpoints.ts";
import { commitsOf } from "./run-commits.ts";

/** Writes the checkpoints of a run's commits, and says of each why it has none. @throws what may pass, such as git_ref_locked */
export async function writeCheckpoints(
  store: Store,
  made: CommittedRun,
  params: GitCheckpointsParams,
): Promise<readonly MadeCommit[]> {
  const without = (reason: string): readonly MadeCommit[] =>
    made.commits.map((commit) => ({ run: made.run.id, commit, without: reason }));
  const folders = foldersOf(made);
  if (folders.length === 0) return without("the run does not tell in which folder it was at work");
  const folder = folders.find(isFolder);
  if (folder === undefined) return without(`there is no folder ${folders[0]} on this machine`);
  const { env = process.env } = params;
  const opened = await orReason(openRepository({ cwd: folder, env }));
  if ("reason" in opened) return without(opened.reason);
  await using repository = opened.value;
  const settings = await orReason(readFlowSettings(repository));
  if ("reason" in settings) return without(settings.reason);
  if (settings.value === undefined) return without(`holdfast git enable was not run in ${folder}`);
  const written = await orReason(writeInto(repository, { store, made, folder, params }));
  return "reason" in written ? without(written.reason) : written.value;
}

/** Where it was at work, and the repository's own folder, if that is gone. */
function foldersOf({ settings }: CommittedRun): readonly string[] {
  const told = [textOf(settings["cwd"]), textOf(settings["repository"])];
  return told.flatMap((path) => (path !== undefined && isAbsolute(path) ? path : []));
}

interface Writing {
  readonly store: Store;
  readonly made: CommittedRun;
  readonly folder: string;
  readonly params: GitCheckpointsParams;
}

async function writeInto(repository: Repository, writing: Writing): Promise<readonly MadeCommit[]> {
  const { store, made, folder, params } = writing;
  const commits = await commitsOf(repository, { commits: made.commits, folder });
  const last = commits.findLast((commit) => "id" in commit);
  const flow = await openFlow({ repository, cliVersion: params.cliVersion });
  const context = { ...flow.context, layout: flow.store.layout };
  const outcomes: MadeCommit[] = [];
  let transcript: string | undefined;
  try {
    for (const commit of commits) {
      const outcome = (rest: { readonly checkpoint: string } | { readonly without: string }): void =>
        void outcomes.push({ run: made.run.id, commit: commit.name, ...rest });
      if ("without" in commit) {
        outcome({ without: commit.without });
        continue;
      }
      transcript ??= await transcriptOf(store, made);
      if (transcript === undefined) {
        outcome({ without: "the session's transcript is not in the store any more" });
        continue;
      }
      const runCommit = { ...ofRun(made, transcript), commit: commit.id, hasUsage: commit === last };
      const branch = commit.branch === undefined ? {} : { branch: commit.branch };
      const written = await orReason(writeRunCheckpoint(context, { ...runCommit, ...branch }));
      outcome("reason" in written ? { without: written.reason } : { checkpoint: written.value.id });
    }
    return outcomes;
  } finally {
    await flow.store.settled();
  }
}

function ofRun(made: CommittedRun, transcript: string): Omit<RunCommit, "commit" | "hasUsage"> {
  const model = textOf(made.settings["model"]);
  return {
    sessionId: made.resumeToken ?? made.run.session,
    agent: made.provider,
    run: made.run.id,
    transcript,
    partFrom: made.main!.from - 1,
    prompts: made.prompt === "" ? [] : [made.prompt],
    ...(model === undefined ? {} : { model }),
  };
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** What will be the same the next time is a reason; what may pass is thrown, so that it is tried again. */
async function orReason<Value>(
  promise: Promise<Value>,
): Promise<{ readonly value: Value } | { readonly reason: string }> {
  try {
    return { value: await promise };
  } catch (error) {
    if (!isHoldfastError(error) || !isLasting(error)) throw error;
    return { reason: error.message };
  }
}

function isLasting({ code, retryable, data }: HoldfastError): boolean {
  // One that was killed, or could not be started, has said nothing of the repository.
  const hasEnded = code !== "git_failed" || typeof data["exitCode"] === "number";
  return !retryable && lasting.has(code) && hasEnded;
}

const lasting: ReadonlySet<string> = new Set([
  "git_not_a_repository",
  "git_unsafe",
  "git_too_old",
  "git_failed",
  "git_object_invalid",
  "git_object_too_large",
  "git_ref_invalid",
  "git_ref_damaged",
  "git_content_invalid",
  "git_settings_invalid",
  "checkpoint_invalid",
  "checkpoint_damaged",
]);
