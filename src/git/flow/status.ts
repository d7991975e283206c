import { existsSync } from "node:fs";
import { join } from "node:path";
import { BehindNotes } from "../behind.ts";
import type { Layout } from "../checkpoint-store.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import { PushQueue } from "../push/queue.ts";
import { Attempts } from "./attempts.ts";
import { calledBy, hasAllHooks, hasOwnHooks, settingsFiles, type SettingsScope } from "./claude-settings.ts";
import { foldersOf, textOf } from "./enable.ts";
import { isFoundByName } from "./found-by-name.ts";
import { flowPaths } from "./flow-paths.ts";
import { type FlowSettings, readFlowSettings } from "./flow-settings.ts";
import { type HookState, hookStates, otherTools } from "./hook-files.ts";
import { type HookName, programsIn } from "./hook-scripts.ts";
import { lastFailures } from "./hook-log.ts";
import { hooksPlace } from "./hooks-path.ts";
import type { Phase } from "./phases.ts";
import { SessionFiles } from "./session-files.ts";
import { isStale } from "./session-state.ts";
import { repositoryRedactor } from "./redaction-rules.ts";
import { Spool } from "./spool.ts";

/** How the flow stands in a repository. */
export interface FlowStatus {
  readonly enabled: boolean;
  /** Undefined where nobody has set a layout. */
  readonly settings: FlowSettings | undefined;
  readonly hooks: {
    readonly folder: string;
    /** The folder whose hooks ours call, where `core.hooksPath` was set. */
    readonly calls: string | undefined;
    readonly states: Readonly<Record<HookName, HookState>>;
    readonly otherTools: readonly string[];
    /** True when `core.hooksPath` points at where this repository was before it was moved or copied. */
    readonly isMoved: boolean;
  };
  /** The settings files of Claude Code in this worktree that call us. */
  readonly agent: readonly SettingsScope[];
  /** Of these, the files whose hooks are not as `enable` writes them: some are gone, or call where the repository was. */
  readonly agentStale: readonly SettingsScope[];
  /** True when more than one of them is followed, so that each hook is called again. */
  readonly isAgentTwice: boolean;
  /** What the hooks start and is not there any more. */
  readonly missing: readonly string[];
  readonly spool: {
    readonly pending: number;
    readonly oldestAtMs: number | undefined;
    /** Those that failed and are tried again. */
    readonly failing: readonly { readonly name: string; readonly reason: string }[];
    readonly aside: readonly { readonly name: string; readonly reason: string }[];
  };
  readonly sessions: Readonly<Record<Phase | "stale", number>> & {
    readonly touchedFiles: number;
    /** Files that hold no session that can be read. */
    readonly unread: readonly string[];
  };
  /** Checkpoints that a mirror does not hold as the primary does, by mirror. */
  readonly behind: readonly {
    readonly layout: Layout;
    readonly checkpoints: number;
    readonly sinceMs: number;
    /** Why the last of them failed, where that is known. */
    readonly reason: string | undefined;
  }[];
  /** Refs that are to be pushed. */
  readonly unpushed: number;
  /** The last lines of the log, oldest first. */
  readonly errors: readonly string[];
  /** What does not work as it should, each with the next step. */
  readonly problems: readonly string[];
}

/** Looks how the flow stands; changes nothing. */
export async function flowStatus(
  repository: Repository,
  { now = Date.now, searchPath }: StatusParams = {},
): Promise<FlowStatus> {
  const { commonDir, worktree } = repository;
  const { launcher } = flowPaths(commonDir);
  const enabled = existsSync(launcher);
  const place = await hooksPlace(repository);
  const calls = place.isPointed ? foldersOf(place.configured?.value, worktree ?? commonDir) : undefined;
  const hooks = {
    folder: place.folder,
    calls,
    states: hookStates(place.folder),
    otherTools: otherTools(calls ?? place.folder),
    isMoved: place.isMoved,
  };
  const status = {
    enabled,
    settings: await readFlowSettings(repository),
    hooks,
    ...agentStatus({ worktree, launcher, searchPath }),
    missing: enabled ? missingPrograms(launcher) : [],
    spool: spoolStatus(commonDir),
    sessions: sessionStatus(commonDir, now()),
    behind: await mirrorsBehind(commonDir),
    unpushed: (await new PushQueue(commonDir).drain()).refs.length,
    errors: lastOfBoth(commonDir),
  };
  const problems = enabled ? [...problemsOf(status), ...(await redactionProblems(repository))] : [];
  return { ...status, problems };
}

const mostErrors = 5;

interface StatusParams {
  readonly now?: () => number;
  /** Where programs are looked for by their names; default `PATH`. */
  readonly searchPath?: string;
}

function agentStatus({
  worktree,
  launcher,
  searchPath,
}: {
  readonly worktree: string | null;
  readonly launcher: string;
  readonly searchPath: string | undefined;
}): Pick<FlowStatus, "agent" | "agentStale" | "isAgentTwice"> {
  const textIn = (scope: SettingsScope): string =>
    worktree === null ? "" : (textOf(join(worktree, settingsFiles[scope])) ?? "");
  const agent = (["local", "shared"] as const).filter((scope) => hasOwnHooks(textIn(scope)));
  const isStaleIn = (scope: SettingsScope): boolean => !hasAllHooks(textIn(scope), calledBy(scope, launcher));
  const isAgentTwice = agent.length > 1 && isFoundByName(searchPath);
  return { agent, agentStale: agent.filter(isStaleIn), isAgentTwice };
}

function missingPrograms(launcher: string): readonly string[] {
  const programs = programsIn(textOf(launcher) ?? "");
  return programs.length === 0 ? [launcher] : programs.filter((path) => !existsSync(path));
}

function spoolStatus(commonDir: string): FlowStatus["spool"] {
  const spool = new Spool({ commonDir });
  const names = spool.names();
  const oldest = names[0] === undefined ? undefined : Number(BigInt(names[0].slice(0, 19)) / 1_000_000n);
  const failing = new Attempts({ commonDir }).waiting(names);
  return { pending: names.length, oldestAtMs: oldest, failing, aside: spool.aside() };
}

function sessionStatus(commonDir: string, nowMs: number): FlowStatus["sessions"] {
  const { sessions, unread } = new SessionFiles({ commonDir }).list();
  const counts = { idle: 0, active: 0, ended: 0, stale: 0 };
  for (const state of sessions) counts[isStale(state, nowMs) ? "stale" : state.phase] += 1;
  const touchedFiles = sessions.reduce((sum, { filesTouchedCount }) => sum + filesTouchedCount, 0);
  return { ...counts, touchedFiles, unread };
}

async function mirrorsBehind(commonDir: string): Promise<FlowStatus["behind"]> {
  const byLayout = Map.groupBy(await new BehindNotes(commonDir).list(), ({ layout }) => layout);
  return Array.from(byLayout, ([layout, notes]) => ({
    layout,
    checkpoints: new Set(notes.map(({ id }) => id)).size,
    sinceMs: Math.min(...notes.map(({ sinceMs }) => sinceMs)),
    reason: notes.findLast(({ reason }) => reason !== undefined)?.reason,
  }));
}

/** The last lines of the hooks' log and of the worker's; each begins with its time. */
function lastOfBoth(commonDir: string): readonly string[] {
  const lines = (["log", "workerLog"] as const).flatMap((log) => lastFailures(commonDir, mostErrors, log));
  return lines.toSorted((a, b) => (a.slice(0, 24) < b.slice(0, 24) ? -1 : 1)).slice(-mostErrors);
}

async function redactionProblems(repository: Repository): Promise<readonly string[]> {
  try {
    await repositoryRedactor(repository);
    return [];
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== "redaction_invalid") throw error;
    return [error.message];
  }
}

function problemsOf({
  settings,
  hooks,
  agent,
  agentStale,
  isAgentTwice,
  missing,
  spool,
  sessions,
}: Omit<FlowStatus, "problems">): readonly string[] {
  const gone = Object.entries(hooks.states).filter(
    ([, state]) => state === "missing" || state === "replaced",
  );
  const again = "run holdfast git enable again";
  return [
    ...(hooks.isMoved
      ? [`core.hooksPath points at ${hooks.folder}, where this repository was before it was moved: ${again}.`]
      : []),
    ...(gone.length === 0 || hooks.isMoved
      ? []
      : [
          `The hooks ${gone.map(([name]) => name).join(", ")} in ${hooks.folder} are not ours any more: ${again}.`,
        ]),
    ...(settings === undefined ? [`No layout is set: ${again}.`] : []),
    ...(agent.length === 0 ? [`Claude Code does not call us in this worktree: ${again} here.`] : []),
    ...agentStale.map(
      (scope) =>
        `The hooks of Claude Code in ${settingsFiles[scope]} are not those of this repository: ${again}${scope === "shared" ? " with --shared" : ""}.`,
    ),
    ...(isAgentTwice && !agentStale.includes("shared")
      ? [`Claude Code calls us by both ${settingsFiles.local} and ${settingsFiles.shared}: ${again}.`]
      : []),
    ...missing.map((path) => `The hooks start ${path}, which is not there any more: ${again}.`),
    ...stuck(spool.failing, "Not done yet, and tried again later"),
    ...stuck(spool.aside, "Not done, and not tried any more"),
    ...(sessions.unread.length === 0
      ? []
      : [
          `${sessions.unread.length} session files cannot be read: ${sessions.unread.slice(0, 5).join(", ")}.`,
        ]),
  ];
}

function stuck(events: readonly { readonly reason: string }[], what: string): readonly string[] {
  const [last] = events.slice(-1);
  if (last === undefined) return [];
  return [`${what} (events: ${events.length}): ${last.reason} To try now: holdfast git work --retry`];
}
