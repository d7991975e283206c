import type { ChangedPath } from "./commit-changes.ts";
import type { FlowContext } from "./flow-context.ts";
import { readKeptProgress } from "./kept-progress.ts";
import { contentLine, type PartBegin } from "./part-facts.ts";
import { transition } from "./phases.ts";
import { type SessionPart, takePart } from "./session-part.ts";
import { isPending, isStale, type SessionState } from "./session-state.ts";
import { type Scanned, scanTranscript } from "./touched-files.ts";

/** That a session belongs to a commit. */
export interface Claim {
  /** As it was when the claim was found. */
  readonly state: SessionState;
  /** True: it is at work in another worktree, and what waits there has nothing to do with the commit. */
  readonly isAway: boolean;
  /** What was found in its transcript since the last look. */
  readonly scanned: Scanned;
  readonly touched: ReadonlySet<string>;
  /** The files of the commit that are the session's. */
  readonly files: readonly string[];
  /** Undefined: its transcript is not there, or cannot be read. */
  readonly part: SessionPart | undefined;
}

export interface ClaimParams {
  readonly commit: string;
  readonly worktree: string;
  readonly atMs: number;
  readonly changed: ReadonlyMap<string, ChangedPath>;
  /** Sessions that prepare-commit-msg named. */
  readonly named: readonly string[];
  /** True: some of them were named for older commits alone. */
  readonly hasInherited: boolean;
  /** Where a session's part begins in a checkpoint that is there already. */
  readonly beginOf?: (sessionId: string) => PartBegin | undefined;
}

/**
 * The sessions that a commit belongs to: those whose files it holds, and of its new files only those whose content is
 * the session's (specification §11). Where none has any, those that the commit's message names.
 */
export async function claimsOf(context: FlowContext, params: ClaimParams): Promise<readonly Claim[]> {
  const states = candidates(context, params);
  const open = states.filter(({ progress }) => progress?.commit !== params.commit);
  const claims: (Claim & { readonly isSure: boolean })[] = [];
  for (const state of open) {
    const claim = await claimOf(context, params, state);
    if (claim !== undefined) claims.push(claim);
  }
  const sure = claims.filter(({ isSure }) => isSure);
  // A message that names a checkpoint which is nowhere would mislead more than a link that is too much.
  const chosen = sure.length === 0 && open.length === states.length ? claims : sure;
  return chosen.length === 1 ? [alone(chosen[0]!, params)] : chosen;
}

function candidates({ sessions, now }: FlowContext, params: ClaimParams): readonly SessionState[] {
  return sessions.list().sessions.filter((state) => {
    if (params.named.includes(state.sessionId)) return true;
    if (state.progress?.commit === params.commit) return state.worktree === params.worktree;
    const { actions } = transition(state.phase, "git_commit", { hasFiles: state.filesTouched.length > 0 });
    const mayCondense = actions.includes("condense") || actions.includes("condense_if_files_touched");
    return mayCondense && isPending(state) && state.worktree === params.worktree && !isStale(state, now());
  });
}

async function claimOf(
  context: FlowContext,
  params: ClaimParams,
  stored: SessionState,
): Promise<(Claim & { readonly isSure: boolean }) | undefined> {
  const { changed, named, hasInherited, atMs, beginOf } = params;
  const state = await readKeptProgress(context, stored);
  const scanned = scan(context, state);
  const touched = new Set([...state.filesTouched, ...scanned.files]);
  const isAway = state.worktree !== params.worktree;
  const byName = isAway ? [] : [...changed.keys()].filter((path) => touched.has(path));
  const isNamed = named.includes(state.sessionId);
  if (byName.length === 0 && !isNamed) return undefined;
  const asked = new Set(byName.filter((path) => changed.get(path)!.kind === "added"));
  const begin = beginOf?.(state.sessionId);
  const part = await takePart(context, {
    state,
    untilMs: atMs,
    asked,
    ...(begin === undefined ? {} : { begin }),
  }).catch((error: unknown) => {
    // The link, the prompts and the files are worth a checkpoint without it.
    context.log(`transcript of ${state.sessionId}`, error);
    return undefined;
  });
  const files = await ownFiles(context, { byName, changed, part });
  const isAtWork = isNamed && byName.length === 0 && (!hasInherited || state.phase === "active");
  return { state, isAway, scanned, touched, files, part, isSure: files.length > 0 || isAtWork };
}

/** What a session changed through a shell is seen only when its turn ends; a commit of one that is alone is its own. */
function alone(claim: Claim, { changed, named }: ClaimParams): Claim {
  const { state, isAway, files } = claim;
  if (isAway) return { ...claim, files: [...changed.keys()] };
  const { dirtyBefore } = state;
  if (dirtyBefore === undefined) return claim;
  if (files.length > 0 || state.phase !== "active" || !named.includes(state.sessionId)) return claim;
  const before = new Set(dirtyBefore);
  return { ...claim, files: [...changed.keys()].filter((path) => !before.has(path)) };
}

function scan({ log }: FlowContext, state: SessionState): Scanned {
  const { transcriptPath, scannedBytes, worktreePath } = state;
  const nothing = { files: [], scannedBytes };
  if (transcriptPath === undefined) return nothing;
  try {
    return scanTranscript(transcriptPath, { scannedBytes, worktreePath });
  } catch (error) {
    log(`transcript of ${state.sessionId}`, error);
    return nothing;
  }
}

async function ownFiles(
  context: FlowContext,
  {
    byName,
    changed,
    part,
  }: {
    readonly byName: readonly string[];
    readonly changed: ClaimParams["changed"];
    readonly part: SessionPart | undefined;
  },
): Promise<readonly string[]> {
  const own: string[] = [];
  for (const path of byName) {
    const lines = part?.written.get(path);
    // What no tool wrote was found by git when a turn ended: there is nothing to compare it with.
    if (lines === undefined || (await holdsAnyOf(context, changed.get(path)!.blob, lines))) own.push(path);
  }
  return own;
}

async function holdsAnyOf(
  { repository }: FlowContext,
  blob: string,
  lines: ReadonlySet<string>,
): Promise<boolean> {
  const header = await repository.objects.header(blob);
  // What is too long to compare is taken for what its name says; a submodule has no content here.
  if (header?.type !== "blob" || header.size > maxComparedBytes) return true;
  const text = (await repository.objects.blob(blob, { maxBytes: maxComparedBytes }))?.toString() ?? "";
  const all = text
    .split("\n")
    .map(contentLine)
    .filter((line) => line !== "");
  const telling = all.filter((line) => line.length >= minTelling);
  return all.length === 0 || (telling.length > 0 ? telling : all).some((line) => lines.has(line));
}

const maxComparedBytes = 8 << 20;
// A shorter line, such as a bracket, stands in any file.
const minTelling = 8;
