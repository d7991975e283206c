import { parseTrailers } from "../format/trailers.ts";
import type { Anchor } from "../reading/anchors.ts";
import { claimsOf } from "./claims.ts";
import { changedPaths } from "./commit-changes.ts";
import { rewrittenIn } from "./commit-event.ts";
import type { FlowContext } from "./flow-context.ts";
import { isGone } from "./gone-commit.ts";
import { linkCommit } from "./linked-commits.ts";
import { redactedAnchors } from "./redacted-anchors.ts";
import { fieldOf, type SpooledEvent } from "./spool.ts";
import { beginOf, slotOf, storedPartOf } from "./stored-part.ts";
import type { StoredPart } from "./session-input.ts";
import { writeClaims } from "./write-claims.ts";

/**
 * Maps what is known of commits to those that they became by amend or rebase: the links of their checkpoints, and where
 * sessions stand (specification §11).
 */
export async function followRewrite(context: FlowContext, event: SpooledEvent): Promise<void> {
  const rewritten = rewrittenIn(event.body);
  const commits = await newCommits(context, rewritten);
  for (const { anchor, olds, ids } of commits)
    for (const id of ids) await linkCommit(context, { id, anchor, instead: olds });
  const [only] = commits;
  if (fieldOf(event, "command") === "amend" && commits.length === 1)
    await condenseAmended(context, event, only!);
  // Last: a session that stands on the new commit has its work of it in a checkpoint.
  moveSessions(context, rewritten);
}

interface NewCommit {
  readonly anchor: Anchor;
  readonly olds: readonly string[];
  /** The checkpoints that it names, and those that the old ones named. */
  readonly ids: readonly string[];
  /** Those that it names itself. */
  readonly named: readonly string[];
}

function moveSessions({ sessions }: FlowContext, rewritten: ReadonlyMap<string, string>): void {
  for (const { sessionId, baseCommit, progress } of sessions.list().sessions) {
    const isMoved = rewritten.has(baseCommit ?? "") || rewritten.has(progress?.commit ?? "");
    if (!isMoved) continue;
    sessions.change(sessionId, (now) => {
      if (now === undefined) return undefined;
      const base = rewritten.get(now.baseCommit ?? "");
      const condensed = rewritten.get(now.progress?.commit ?? "");
      return {
        ...now,
        ...(base === undefined ? {} : { baseCommit: base }),
        ...(condensed === undefined ? {} : { progress: { ...now.progress!, commit: condensed } }),
      };
    });
  }
}

async function newCommits(
  context: FlowContext,
  rewritten: ReadonlyMap<string, string>,
): Promise<readonly NewCommit[]> {
  const { objects } = context.repository;
  const olds = new Map<string, string[]>();
  for (const [old, to] of rewritten) olds.set(to, [...(olds.get(to) ?? []), old]);
  const found = [];
  for (const [id, before] of olds) {
    const commit = await objects.commit(id);
    // A later rewrite may have taken it away already.
    if (commit === null) continue;
    const named = parseTrailers(commit.message).checkpoints;
    const ids = new Set(named);
    for (const old of before) {
      const message = (await objects.commit(old))?.message ?? "";
      for (const one of parseTrailers(message).checkpoints) ids.add(one);
    }
    if (ids.size > 0) found.push({ id, ...commit, olds: before, ids: [...ids], named });
  }
  const anchors = await redactedAnchors(context, found);
  return found.map(({ olds: before, ids, named }, at) => ({
    anchor: anchors[at]!,
    olds: before,
    ids,
    named,
  }));
}

// How `cli_version` of what we write begins; to link a commit leaves that key as it is.
const ownWriter = "holdfast/";

/** New work of sessions that an amend took in goes to the checkpoint that the commit keeps. */
async function condenseAmended(
  context: FlowContext,
  event: SpooledEvent,
  { anchor, olds, named }: NewCommit,
): Promise<void> {
  const [{ commit }, [from], id] = [anchor, olds, named.at(-1)];
  const stored = id === undefined || from === undefined ? null : await context.store.read(id);
  // One that another tool wrote is not ours to go on with.
  if (stored === null || stored.root.text("cli_version")?.startsWith(ownWriter) !== true) return;
  // Nobody can tell any more what the amend brought.
  if (await isGone(context, { name: event.name, commit: from! })) return;
  const changed = await changedPaths(context.repository, { commit, from: from! });
  const worktree = fieldOf(event, "worktree") ?? "";
  const claims = await claimsOf(context, {
    ...{ commit, worktree, atMs: event.atMs, changed, named: [], hasInherited: false },
    beginOf: (sessionId) => {
      const slot = slotOf(stored, sessionId);
      return slot === undefined ? undefined : beginOf(slot);
    },
  });
  const parts = new Map<string, StoredPart>();
  for (const { state } of claims) {
    const slot = slotOf(stored, state.sessionId);
    if (slot !== undefined) parts.set(state.sessionId, await storedPartOf(context.repository.objects, slot));
  }
  await writeClaims(context, {
    ...{ id: stored.id, event: { name: event.name, atMs: event.atMs, commit, worktree }, claims, changed },
    ...{ root: {}, stored: parts },
  });
}
