import { appendFileSync, chmodSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import {
  calledBy,
  hasAllHooks,
  hasOwnHooks,
  settingsFiles,
  type SettingsScope,
  withOwnHooks,
} from "./claude-settings.ts";
import { flowPaths } from "./flow-paths.ts";
import { checkMirrors, type FlowSettings, readFlowSettings, writeFlowSettings } from "./flow-settings.ts";
import { isFoundByName } from "./found-by-name.ts";
import { hookBody } from "./hook-bodies.ts";
import { hookStates, otherTools, putHooks } from "./hook-files.ts";
import { hookNames, launcherScript, type Programs, wrapperScript } from "./hook-scripts.ts";
import { beforeIn, hooksPlace, isChainStale, pointHooks } from "./hooks-path.ts";
import { readOwnFile, replaceOwnFile, type Unread } from "./own-files.ts";
import { noteSettings, settingsBefore } from "./settings-notes.ts";
import { SessionFiles } from "./session-files.ts";

export interface EnableParams {
  readonly repository: Repository;
  readonly programs: Programs;
  /** What is not named stays as it is set, or as git-refs without mirrors. */
  readonly settings: Partial<FlowSettings>;
  readonly scope: SettingsScope;
  readonly dryRun: boolean;
  /** Where programs are looked for by their names; default `PATH`. */
  readonly searchPath?: string;
}

export interface Enabled {
  readonly settings: FlowSettings;
  /** What was changed, or would be. */
  readonly changes: readonly string[];
  /** What could not be changed and was left as it is, with the reason. */
  readonly skipped: readonly string[];
  readonly hooks: string;
  readonly otherTools: readonly string[];
}

/** Sets up hooks of git and of Claude Code; again changes nothing. @throws git_settings_invalid, git_hooks_conflict */
export async function enable(params: EnableParams): Promise<Enabled> {
  const { repository, dryRun } = params;
  const worktree = repository.worktree;
  if (worktree === null)
    throw new HoldfastError({
      code: "git_hooks_conflict",
      message: `${repository.gitDir} is a bare repository: nobody commits in it.`,
      next: "Enable it in a clone that has a worktree.",
    });
  const before = await readFlowSettings(repository);
  const { layout = before?.layout ?? "git-refs", mirrors = before?.mirrors ?? [] } = params.settings;
  const settings = { layout, mirrors };
  await checkMirrors(repository, settings);
  const steps = [
    settingsStep(repository, before, settings),
    ...scriptSteps(repository, params.programs),
    await hooksStep(repository),
    ...agentSteps({ ...params, worktree }),
  ].filter((step) => step.isWanted);
  const skipped: string[] = [];
  if (!dryRun) for (const step of steps) skipped.push(...((await step.apply()) ?? []));
  if (!dryRun) new SessionFiles(repository).rebuildLinkable();
  const place = await hooksPlace(repository);
  const folder = place.isPointed ? foldersOf(place.configured?.value, worktree) : place.folder;
  return {
    settings,
    changes: steps.map(({ what }) => what),
    skipped,
    hooks: place.folder,
    otherTools: otherTools(folder),
  };
}

/** Puts the hooks of git right again that another tool took the place of; true where there was something to do. */
export async function mendHooks(repository: Repository): Promise<boolean> {
  if (!existsSync(flowPaths(repository.commonDir).launcher)) return false;
  const step = await hooksStep(repository);
  if (step.isWanted) await step.apply();
  return step.isWanted;
}

/** The folder that `core.hooksPath` named, as git would find it. */
export function foldersOf(configured: string | undefined, worktree: string): string {
  return configured === undefined ? worktree : join(configured.startsWith("/") ? "" : worktree, configured);
}

interface Step {
  readonly what: string;
  readonly isWanted: boolean;
  /** Gives what it had to leave as it is. */
  readonly apply: () => Promise<readonly string[] | void> | readonly string[] | void;
}

function settingsStep(
  repository: Repository,
  before: FlowSettings | undefined,
  settings: FlowSettings,
): Step {
  const { layout, mirrors } = settings;
  return {
    what: `settings: ${layout}${mirrors.length === 0 ? "" : `, mirrored in ${mirrors.join(" and ")}`}`,
    isWanted: JSON.stringify(before) !== JSON.stringify(settings),
    apply: () => writeFlowSettings(repository, settings),
  };
}

function scriptSteps({ commonDir }: Repository, programs: Programs): readonly Step[] {
  const paths = flowPaths(commonDir);
  const scripts = [
    ...hookNames.map((name) => ({ path: join(paths.hooks, name), text: hookBody(name), mode: 0o600 })),
    { path: paths.launcher, text: launcherScript(programs), mode: 0o700 },
  ];
  return scripts.map(({ path, text, mode }) => ({
    what: `write ${path}`,
    isWanted: textOf(path) !== text,
    apply: () => replaceOwnFile(path, text, { mode }),
  }));
}

async function hooksStep(repository: Repository): Promise<Step> {
  const place = await hooksPlace(repository);
  const { folder, configured, isPointed } = place;
  // Of an earlier version they are ours, but not as they are to be.
  const isStale = Object.entries(hookStates(folder)).some(
    ([name, state]) =>
      state === "missing" ||
      state === "replaced" ||
      (state === "ours" &&
        textOf(join(folder, name)) !== wrapperScript(name, beforeIn(configured?.value, name))),
  );
  return {
    what:
      place.configured === undefined
        ? `hooks of git in ${place.folder}`
        : `core.hooksPath, so that hooks of ours call those in ${place.configured.value}`,
    isWanted: isStale || isChainStale(repository, place) || isPointed !== (configured !== undefined),
    apply: () => (place.configured === undefined ? putHooks(place.folder) : pointHooks(repository, place)),
  };
}

type AgentParams = EnableParams & { readonly worktree: string };

/** Claude Code calls the hooks of all its settings files: ours are to be in one of them. */
function agentSteps(params: AgentParams): readonly Step[] {
  const { worktree, scope, searchPath } = params;
  const isShared =
    scope === "shared" || hasAllHooks(textOf(join(worktree, settingsFiles.shared)) ?? "", undefined);
  // Where those of the shared file do nothing, this machine's own are needed.
  if (!isShared || !isFoundByName(searchPath)) return [agentStep(params)];
  return [...(scope === "shared" ? [agentStep(params)] : []), leaveOutStep(params)];
}

function agentStep({ repository, worktree, scope }: AgentParams): Step {
  const path = join(worktree, settingsFiles[scope]);
  const before = settingsText(path);
  const { launcher } = flowPaths(repository.commonDir);
  const after = withOwnHooks(before, path, calledBy(scope, launcher));
  // A file that is there, and calls us all the same, is not written in another order.
  return {
    what: `hooks of Claude Code in ${path}`,
    isWanted: before !== after,
    apply: async () => {
      const skipped = before === null && scope === "local" ? await exclude(repository, worktree) : [];
      noteSettings(repository.commonDir, path, { before, after });
      writeSettings(path, after);
      return skipped;
    },
  };
}

function leaveOutStep({ repository, worktree }: AgentParams): Step {
  const path = join(worktree, settingsFiles.local);
  const take = takingSettings(repository, path);
  return {
    what: `hooks of Claude Code in ${settingsFiles.shared} alone, and none in ${path}`,
    isWanted: take !== undefined,
    apply: () => take?.(),
  };
}

/** The text of a settings file; null where there is none. @throws git_settings_invalid */
function settingsText(path: string): string | null {
  const bytes = readOwnFile(path, { maxBytes: maxSettingsBytes });
  if (Buffer.isBuffer(bytes)) return bytes.toString("utf8");
  if (bytes === "missing") return null;
  throw new HoldfastError({
    code: "git_settings_invalid",
    message: leftAsItIs(path, bytes),
    next: "Put a plain file there, or take it away.",
    data: { path },
  });
}

/** Takes our hooks out of a settings file; true where there were any. */
export function takeSettings(repository: Repository, path: string): boolean {
  const take = takingSettings(repository, path);
  take?.();
  return take !== undefined;
}

/** What takes our hooks out of a settings file; undefined where there are none. */
function takingSettings({ commonDir }: Repository, path: string): (() => void) | undefined {
  const before = settingsText(path);
  if (before === null || !hasOwnHooks(before)) return undefined;
  const after = settingsBefore(commonDir, path, before);
  return () => (after === null ? rmSync(path) : writeSettings(path, after));
}

function writeSettings(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  replaceOwnFile(path, text, { mode: 0o644 });
  if (mode !== undefined) chmodSync(path, mode & 0o777);
}

/** What marks the line of ours in `info/exclude`. */
const excludeLines = `# Holdfast: Claude Code's settings of this machine\n/${settingsFiles.local}\n`;

/** Takes the line of ours out of `info/exclude`; gives what it had to leave as it is. */
export function takeExclude({ commonDir }: Repository): readonly string[] {
  const path = join(commonDir, "info", "exclude");
  const before = readOwnFile(path, { maxBytes: maxSettingsBytes });
  if (before === "missing") return [];
  if (!Buffer.isBuffer(before)) return [leftAsItIs(path, before)];
  const at = before.indexOf(excludeLines);
  if (at === -1) return [];
  writeFileSync(path, Buffer.concat([before.subarray(0, at), before.subarray(at + excludeLines.length)]));
  return [];
}

// Claude Code sees to it only where it makes the file itself.
async function exclude(repository: Repository, worktree: string): Promise<readonly string[]> {
  const { code } = await repository.git(["check-ignore", "-q", "--", join(worktree, settingsFiles.local)], {
    codes: [0, 1],
  });
  if (code === 0) return [];
  const path = join(repository.commonDir, "info", "exclude");
  const before = readOwnFile(path, { maxBytes: maxSettingsBytes });
  // A link leads to a file that is not this repository's, and what is not read cannot be written back.
  if (!Buffer.isBuffer(before) && before !== "missing")
    return [`${leftAsItIs(path, before)} Git lists ${settingsFiles.local} as untracked.`];
  const end = Buffer.isBuffer(before) ? before.subarray(-1).toString("latin1") : "";
  mkdirSync(dirname(path), { recursive: true });
  appendFileSync(path, (end === "" || end === "\n" ? "" : "\n") + excludeLines);
  return [];
}

function leftAsItIs(path: string, reason: Unread): string {
  return `${path} is no file that can be changed (${reason}), and is left as it is.`;
}

const maxSettingsBytes = 4 << 20;

/** The text of a file that may be anything; undefined where it cannot be read. */
export function textOf(path: string): string | undefined {
  const bytes = readOwnFile(path, { maxBytes: maxSettingsBytes });
  return Buffer.isBuffer(bytes) ? bytes.toString("utf8") : undefined;
}
