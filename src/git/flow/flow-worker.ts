import { HoldfastError } from "../../core/errors.ts";
import type { RedactorParams } from "../content/redactor.ts";
import type { DualStore } from "../dual-write.ts";
import type { Repository } from "../plumbing/repository.ts";
import { pushBeside } from "../push/push-beside.ts";
import { PushQueue } from "../push/queue.ts";
import { condenseCommit } from "./condense.ts";
import { finaliseTurn } from "./finalise.ts";
import { type FlowContext, queueRefs } from "./flow-context.ts";
import { flowSwitches, readFlowSettings } from "./flow-settings.ts";
import { openFlowStore } from "./flow-store.ts";
import { logFailure } from "./hook-log.ts";
import { repositoryRedactor } from "./redaction-rules.ts";
import { followRewrite } from "./rewrite.ts";
import { SessionFiles } from "./session-files.ts";
import { isSessionId } from "./session-state.ts";
import { fieldOf, type SpooledEvent } from "./spool.ts";
import { upkeep } from "./upkeep.ts";
import { work, type Worked, type WorkParams } from "./worker.ts";

export interface FlowWorkParams extends Pick<WorkParams, "isOnce" | "isRetry" | "pausesMs" | "signal"> {
  readonly repository: Repository;
  readonly cliVersion: string;
  /** Rules beside those of the repository's settings. */
  readonly redaction?: RedactorParams;
  readonly now?: () => number;
  /** How long one push may take. */
  readonly pushTimeoutMs?: number;
}

/** Does what the hooks noted: condenses commits, completes turns, follows rewrites, heals mirrors and pushes. */
export async function workOnFlow(params: FlowWorkParams): Promise<Worked> {
  const { repository, isOnce, isRetry, pausesMs, signal } = params;
  const flow = await openFlow(params).catch((error: unknown) => {
    logFailure(repository.commonDir, "settings", error, "workerLog");
    throw error;
  });
  const { context, store } = flow;
  try {
    return await work({
      commonDir: repository.commonDir,
      handlers: {
        "post-commit": (event) => condenseCommit(context, event),
        "post-rewrite": (event) => followRewrite(context, event),
        agent: (event) => handleAgent(context, event),
        "pre-push": (event) => push(params, event),
        work: async () => {},
      },
      whenDrained: async () => {
        await store.heal();
        await upkeep(context);
      },
      ...(isOnce === undefined ? {} : { isOnce }),
      ...(isRetry === undefined ? {} : { isRetry }),
      ...(pausesMs === undefined ? {} : { pausesMs }),
      signal,
    });
  } finally {
    await store.settled();
  }
}

/** What the work needs, by the repository's settings. @throws git_settings_invalid, redaction_invalid */
export async function openFlow({
  repository,
  cliVersion,
  redaction,
  now = Date.now,
}: FlowWorkParams): Promise<{ readonly context: FlowContext; readonly store: DualStore }> {
  const { commonDir } = repository;
  const log = (what: string, error: unknown): void => void logFailure(commonDir, what, error, "workerLog");
  const { isWhole, ulidMirrors } = await flowSwitches(repository);
  const queue = new PushQueue(commonDir);
  const store = openFlowStore({
    repository,
    settings: (await readFlowSettings(repository)) ?? { layout: "git-refs", mirrors: [] },
    ulidMirrors,
    onMirrored: (refs) => queueRefs({ queue, log }, refs),
    onBehind: log,
  });
  const sessions = new SessionFiles({ commonDir, now });
  const rules = await repositoryRedactor(repository, redaction);
  return {
    store,
    context: { repository, store, sessions, redactor: rules, queue, cliVersion, isWhole, now, log },
  };
}

const defaultPushTimeoutMs = 60_000;

async function handleAgent(context: FlowContext, event: SpooledEvent): Promise<void> {
  const [verb, sessionId] = [fieldOf(event, "verb"), fieldOf(event, "session")];
  if (!isSessionId(sessionId)) return;
  const isOver = verb === "stop" || verb === "session-end";
  // Before its transcript is made shorter, what is in it is kept.
  await finaliseTurn(context, { sessionId, atMs: event.atMs, isOver });
}

async function push(
  { repository, signal, pushTimeoutMs = defaultPushTimeoutMs }: FlowWorkParams,
  event: SpooledEvent,
): Promise<void> {
  const pushedTo = fieldOf(event, "remote") ?? "";
  const done = await pushBeside({
    repository,
    pushedTo,
    timeoutMs: pushTimeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (done.kind === "failed") throw incomplete(done.reason);
  if (done.kind === "none" || done.report.outcome === "done") return;
  const { left, reason, detail, failures } = done.report;
  throw incomplete(`${left} refs wait still: ${reason ?? ""} ${detail ?? failures[0]?.reason ?? ""}`);
}

function incomplete(why: string): HoldfastError {
  return new HoldfastError({
    code: "git_failed",
    message: `Checkpoints were not pushed: ${why}.`,
    next: "They go with the next push, or with: holdfast git push",
    retryable: true,
  });
}
