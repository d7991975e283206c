import { shapeOfId } from "../format/ids.ts";
import { parseTrailers } from "../format/trailers.ts";
import { isSessionId } from "./session-state.ts";
import { fieldOf, fieldsOf, type SpooledEvent } from "./spool.ts";

/** A commit as post-commit noted it. */
export interface CommitEvent {
  readonly name: string;
  readonly atMs: number;
  readonly commit: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly worktree: string;
  readonly message: string;
  /** The id that was made for this commit, where its message still names it. */
  readonly minted: string | undefined;
  /** All ids that the message names, without the minted one: links alone. */
  readonly linked: readonly string[];
  /** The sessions that prepare-commit-msg named. */
  readonly sessions: readonly string[];
  /** True: some of what is named was taken over from commits that are made anew. */
  readonly hasInherited: boolean;
  /** True: rebase, revert, cherry-pick or merge made it. */
  readonly isRewriting: boolean;
  readonly isCherryPick: boolean;
}

/** Reads a commit's event; undefined where it is none that git could have noted. */
export function commitEventOf(event: SpooledEvent): CommitEvent | undefined {
  const [commit, tree, worktree] = [
    fieldOf(event, "commit"),
    fieldOf(event, "tree"),
    fieldOf(event, "worktree"),
  ];
  if (!isObjectId(commit) || !isObjectId(tree) || worktree === undefined) return undefined;
  const named = parseTrailers(event.body);
  const stamped = fieldOf(event, "minted");
  const minted = named.checkpoints.find((id) => id === stamped);
  const during = (fieldOf(event, "during") ?? "").split(" ").filter((word) => word !== "");
  return {
    name: event.name,
    atMs: event.atMs,
    commit,
    tree,
    parents: (fieldOf(event, "parents") ?? "").split(" ").filter(isObjectId),
    worktree,
    message: event.body,
    minted,
    linked: named.checkpoints.filter((id) => id !== minted).slice(0, mostLinked),
    sessions: fieldsOf(event, "session").filter(isSessionId).slice(0, mostSessions),
    hasInherited: fieldsOf(event, "inherited").some((id) => shapeOfId(id) !== undefined),
    isRewriting: during.length > 0,
    isCherryPick: during.includes("CHERRY_PICK_HEAD"),
  };
}

/** What commits became by an amend or a rebase, as post-rewrite noted it. */
export function rewrittenIn(body: string): ReadonlyMap<string, string> {
  const pairs = body.split("\n", mostPairs).map((line) => line.split(" "));
  return new Map(
    pairs.flatMap(([old, to]) =>
      isObjectId(old) && isObjectId(to) && old !== to ? [[old, to] as const] : [],
    ),
  );
}

/** True for what git names an object by. */
export function isObjectId(text: string | undefined): text is string {
  return text !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

// More than any squash has named; each costs a write of a checkpoint.
const mostLinked = 100;
const mostSessions = 100;
const mostPairs = 10_000;
