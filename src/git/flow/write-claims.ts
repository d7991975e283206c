import type { SessionInput } from "../checkpoint-store.ts";
import { tokenUsageVersion } from "../content/usage.ts";
import { afterCheckpoint, type LeftOver } from "./after-checkpoint.ts";
import type { Claim } from "./claims.ts";
import { type ChangedPath, differingFiles, stashedFiles, untrackedFiles } from "./commit-changes.ts";
import type { CommitEvent } from "./commit-event.ts";
import { commitsAside, waitingCommits } from "./commits-under-way.ts";
import { type FlowContext, queueRefs, strategy } from "./flow-context.ts";
import { keepProgress } from "./kept-progress.ts";
import { gitDirOf, headOf } from "./place.ts";
import { isTurnOpen } from "./prompts.ts";
import { sessionInputOf, type StoredPart } from "./session-input.ts";
import { takeTasks } from "./session-tasks.ts";
import { fieldOf, Spool } from "./spool.ts";

/** Sessions that go into a checkpoint, and why. */
export interface WriteParams {
  readonly id: string;
  readonly event: Pick<CommitEvent, "name" | "atMs" | "commit" | "worktree">;
  readonly claims: readonly Claim[];
  readonly changed: ReadonlyMap<string, ChangedPath>;
  /** Further keys of the root. */
  readonly root: Readonly<Record<string, unknown>>;
  /** What the checkpoint says of sessions already. */
  readonly stored?: ReadonlyMap<string, StoredPart> | undefined;
}

/** Writes sessions into a checkpoint, queues it to be pushed, and only then changes what is known of them. */
export async function writeClaims(context: FlowContext, params: WriteParams): Promise<void> {
  const { id, event, claims, changed, stored, root } = params;
  if (claims.length === 0) return;
  const stops = stopsAfter(context, event.name);
  const isAhead = await hasEarlier(context, event.name);
  const left = await leftOvers(context, params);
  const inputs = claims.map((claim) => inputOf(context, { claim, event, stored }));
  const tasks = [];
  for (const { state } of claims) tasks.push(...(await takeTasks(context, state)));
  const branch = inputs[0]!.metadata["branch"];
  const { refs } = await context.store.write({
    id,
    strategy,
    cliVersion: context.cliVersion,
    ...(typeof branch === "string" ? { branch } : {}),
    root: { token_usage_version: tokenUsageVersion, ...root },
    sessions: inputs,
    tasks,
  });
  await queueRefs(context, refs);
  for (const claim of claims) {
    const { sessionId, worktreePath } = claim.state;
    await claim.part?.keep();
    const isOpen = isTurnOpen(claim.state, event.atMs, stops.get(sessionId) ?? new Set());
    const done = { id, event, claim, changed, isTurnOpen: isOpen, isAhead, left: left.get(worktreePath) };
    const after = context.sessions.change(sessionId, (now) =>
      now === undefined ? undefined : afterCheckpoint(now, done),
    );
    if (after !== undefined) keepProgress(context, after);
  }
}

function inputOf(
  context: FlowContext,
  { claim, event, stored }: { readonly claim: Claim } & Pick<WriteParams, "event" | "stored">,
): SessionInput {
  const { state, isAway } = claim;
  const { commonDir } = context.repository;
  const head = headOf({ gitDir: gitDirOf(commonDir, event.worktree), commonDir });
  // What the agent's last hook saw may be another branch than that of the commit.
  const { branch, ...rest } = state;
  const known = isAway ? undefined : branch;
  const actual = head.commit === event.commit ? head.branch : known;
  return sessionInputOf(context, {
    claim: { ...claim, state: { ...rest, ...(actual === undefined ? {} : { branch: actual }) } },
    event,
    stored: stored?.get(state.sessionId),
  });
}

/** By session, the turns that stopped after an event. */
function stopsAfter({ repository }: FlowContext, name: string): ReadonlyMap<string, ReadonlySet<string>> {
  const spool = new Spool(repository);
  const stops = new Map<string, Set<string>>();
  for (const later of spool.names().filter((other) => other > name)) {
    const event = spool.read(later);
    if (typeof event !== "object" || event.kind !== "agent" || fieldOf(event, "verb") !== "stop") continue;
    const [session, turn] = [fieldOf(event, "session") ?? "", fieldOf(event, "turn") ?? ""];
    stops.set(session, (stops.get(session) ?? new Set()).add(turn));
  }
  return stops;
}

// Events are done in order, but for those that failed.
async function hasEarlier({ repository }: FlowContext, name: string): Promise<boolean> {
  const others = [...waitingCommits(repository), ...(await commitsAside(repository))];
  return others.some((other) => other < name);
}

/** By worktree, the files that are not as the commit has them, or lie in a stash. */
async function leftOvers(
  { repository }: FlowContext,
  { event, claims }: WriteParams,
): Promise<ReadonlyMap<string, LeftOver>> {
  const left = new Map<string, LeftOver>();
  const stashed = await stashedFiles(repository);
  const here = claims.filter(({ isAway }) => !isAway);
  for (const worktreePath of new Set(here.map(({ state }) => state.worktreePath))) {
    const differing = await differingFiles(repository, { commit: event.commit, worktreePath });
    const untracked = await untrackedFiles(repository, { worktreePath });
    if (differing !== undefined && untracked !== undefined)
      left.set(worktreePath, new Set([...differing, ...untracked, ...stashed]));
  }
  return left;
}
