import { textOf } from "../../core/json.ts";
import type { StoredCheckpoint } from "../checkpoint-store.ts";
import { commitLists } from "../format/commit-lists.ts";
import { RawObject, type RawValue } from "../format/raw-json.ts";
import { type Anchor, anchorFields, anchorsOf } from "../reading/anchors.ts";
import { type FlowContext, queueRefs, strategy } from "./flow-context.ts";

/** A commit as `linked_commits` names it (specification §3.1). */
export async function linkedCommit(
  context: FlowContext,
  commit: string,
): Promise<Readonly<Record<string, string>>> {
  const repo = await repoName(context);
  return { sha: commit, ...(repo === undefined ? {} : { repo }) };
}

/**
 * Lets a checkpoint name a commit that inherited it, in place of those that became it; nothing where it is not here, or
 * names it already.
 */
export async function linkCommit(
  context: FlowContext,
  { id, anchor, instead = [] }: LinkParams,
): Promise<void> {
  const stored = await context.store.read(id);
  if (stored === null) return;
  const links = stored.root.list("linked_commits");
  const kept = links.filter((link) => !instead.includes(shaOf(link) ?? ""));
  const isNamed = kept.some((link) => shaOf(link) === anchor.commit);
  if (isNamed && kept.length === links.length) return;
  const named = isNamed ? kept : [...kept, await linkedCommit(context, anchor.commit)];
  await updateRoot(context, stored, {
    linked_commits: named.slice(-commitLists.linked_commits),
    ...anchorFields([...anchorsBeside(stored, [anchor.commit, ...instead]), anchor]),
  });
}

export interface LinkParams {
  readonly id: string;
  readonly anchor: Anchor;
  /** Commits that were made anew as this one. */
  readonly instead?: readonly string[];
}

function shaOf(link: RawValue): string | undefined {
  return link instanceof RawObject ? link.text("sha") : undefined;
}

function anchorsBeside(stored: StoredCheckpoint, commits: readonly string[]): readonly Anchor[] {
  return anchorsOf(stored).anchors.filter(({ commit }) => !commits.includes(commit));
}

/** Changes keys of the root alone: what the sessions say of who wrote them stays. */
async function updateRoot(
  context: FlowContext,
  { id, root, sessions }: StoredCheckpoint,
  keys: Readonly<Record<string, unknown>>,
): Promise<void> {
  const sessionId = sessions.find((session) => session.sessionId !== undefined)?.sessionId;
  if (sessionId === undefined) return;
  const untouched = { cli_version: undefined, strategy: undefined, branch: undefined };
  const { refs } = await context.store.update({
    id,
    strategy: root.text("strategy") ?? strategy,
    cliVersion: root.text("cli_version") ?? context.cliVersion,
    root: { ...keys, ...untouched },
    sessions: [{ sessionId, metadata: untouched, prompts: [] }],
    subject: `Update links of checkpoint ${id}`,
  });
  await queueRefs(context, refs);
}

/** What a forge calls this repository; never the whole URL, which may hold a password. */
async function repoName({ repository }: FlowContext): Promise<string | undefined> {
  const { stdout } = await repository.git(["config", "--get", "remote.origin.url"], { codes: [0, 1] });
  const url = textOf(stdout.toString().trim()) ?? "";
  if (!/^(?:https?|ssh|git):\/\/|^[\w.-]+@[\w.-]+:/.test(url)) return undefined;
  return /[:/]([\w.-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(url)?.[1];
}
