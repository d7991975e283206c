import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import { flowPaths } from "./flow-paths.ts";
import { type Before, hookNames, wrapperScript } from "./hook-scripts.ts";
import { takeHooks, writeHook } from "./hook-files.ts";

/** Where git looks for hooks. */
export interface HooksPlace {
  /** The folder that git looks in now. */
  readonly folder: string;
  /** What `core.hooksPath` said before it was pointed at ours, or says now where it was not; undefined where nothing did. */
  readonly configured?: { readonly value: string; readonly scope: string };
  /** True when `core.hooksPath` points at our folder, whose hooks call those of the configured one. */
  readonly isPointed: boolean;
  /** True when it points at such a folder of another place, where the repository was before it was moved or copied. */
  readonly isMoved: boolean;
}

/** Looks where git looks for hooks. */
export async function hooksPlace(repository: Repository): Promise<HooksPlace> {
  const { commonDir, worktree } = repository;
  const now = await settingOf(repository, "core.hooksPath");
  const usual = join(commonDir, "hooks");
  if (now === undefined) {
    // What a link leads to may be committed.
    const isLink = lstatSync(usual, { throwIfNoEntry: false })?.isSymbolicLink() === true;
    const configured = isLink ? { configured: { value: usual, scope: noScope } } : {};
    return { folder: usual, ...configured, isPointed: false, isMoved: false };
  }
  const before = await settingOf(repository, beforeKey);
  const isHere = now.value === chainFolder(commonDir);
  const isMoved = !isHere && before !== undefined && now.value.endsWith("/holdfast/chain");
  if (!isHere && !isMoved) {
    const folder = isAbsolute(now.value) ? now.value : join(worktree ?? commonDir, now.value);
    return { folder, configured: now, isPointed: false, isMoved };
  }
  const scope = (await settingOf(repository, scopeKey))?.value ?? "local";
  return {
    folder: now.value,
    ...(before === undefined
      ? {}
      : { configured: { value: scope === noScope ? usual : before.value, scope } }),
    isPointed: true,
    isMoved,
  };
}

/** True when the hooks of ours that call those of `core.hooksPath` are not as they are to be: there may be new ones to call. */
export function isChainStale(
  repository: Repository,
  { configured, isPointed, isMoved }: HooksPlace,
): boolean {
  if (!isPointed || configured === undefined) return false;
  const folder = chainFolder(repository.commonDir);
  return isMoved || !chainNames(repository, configured.value).every((name) => existsSync(join(folder, name)));
}

/**
 * Points `core.hooksPath` at a folder of ours, whose hooks call those of the one that it named. That folder may be
 * committed, made anew by a tool, or shared by all repositories of this user: it is not ours to write in.
 */
export async function pointHooks(repository: Repository, place: HooksPlace): Promise<void> {
  const { configured, isPointed, isMoved } = place;
  if (configured === undefined) return;
  writeChain(repository, configured.value);
  // An earlier version put ours there: they would be called twice.
  if (configured.scope === noScope) takeHooks(configured.value);
  if (isPointed && !isMoved) return;
  const option = scopeOption(configured.scope);
  const chain = chainFolder(repository.commonDir);
  if (!isMoved) {
    await repository.git(["config", option, beforeKey, configured.value]);
    await repository.git(["config", option, scopeKey, configured.scope]);
  }
  await repository.git(["config", option, "core.hooksPath", chain]);
  if ((await settingOf(repository, "core.hooksPath"))?.value === chain) return;
  await restoreHooks(repository, { ...place, isPointed: true });
  throw new HoldfastError({
    code: "git_hooks_conflict",
    message: `core.hooksPath is set by ${configured.scope} settings, which stand above those of this repository.`,
    next: "Take it away there, or set it in the repository's own settings, then run holdfast git enable again.",
  });
}

/** Gives `core.hooksPath` back as it was; one that was changed since stays as it is. */
export async function restoreHooks(
  repository: Repository,
  { configured, isPointed }: HooksPlace,
): Promise<void> {
  if (isPointed && configured !== undefined) {
    const option = scopeOption(configured.scope);
    const isOwn = configured.scope === "local" || configured.scope === "worktree";
    const args = isOwn ? ["core.hooksPath", configured.value] : ["--unset", "core.hooksPath"];
    await repository.git(["config", option, ...args], { codes: [0, 5] });
  }
  rmSync(chainFolder(repository.commonDir), { recursive: true, force: true });
}

/** The hook that one of ours calls first. */
export function beforeIn(configured: string | undefined, name: string): Before {
  if (configured === undefined) return { kind: "beside" };
  // Relative to the top folder of the worktree, where git starts hooks: each worktree has its own.
  const path = /[\\/]/.test(configured) ? join(configured, name) : `./${configured}/${name}`;
  return { kind: "elsewhere", path };
}

/** A setting as it counts, and where it stands. */
async function settingOf(repository: Repository, key: string) {
  const { code, stdout } = await repository.git(
    ["config", "--show-scope", "-z", "--type=path", "--get", key],
    {
      codes: [0, 1],
    },
  );
  const [scope, value] = stdout.toString().split("\0");
  return code === 1 || scope === undefined || value === undefined ? undefined : { scope, value };
}

const beforeKey = "holdfast.hooksPathBefore";
const scopeKey = "holdfast.hooksPathScope";
/** Noted where `core.hooksPath` was not set, and git's own folder of hooks is a link. */
const noScope = "none";

function chainFolder(commonDir: string): string {
  return join(flowPaths(commonDir).root, "chain");
}

function scopeOption(scope: string): "--worktree" | "--local" {
  return scope === "worktree" ? "--worktree" : "--local";
}

function writeChain(repository: Repository, original: string): void {
  const folder = chainFolder(repository.commonDir);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of chainNames(repository, original))
    writeHook(join(folder, name), wrapperScript(name, beforeIn(original, name)));
}

function chainNames(repository: Repository, original: string): readonly string[] {
  return [...new Set([...hookNames, ...clientHooks, ...namesIn(repository, original)])];
}

// Also those that are not there yet: they may come later.
const clientHooks = [
  "applypatch-msg",
  "pre-applypatch",
  "post-applypatch",
  "pre-commit",
  "pre-merge-commit",
  "pre-rebase",
  "post-checkout",
  "post-merge",
  "pre-auto-gc",
  "sendemail-validate",
];

function namesIn({ worktree, commonDir }: Repository, original: string): readonly string[] {
  const folder = isAbsolute(original) ? original : join(worktree ?? commonDir, original);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => gitHook.test(name));
}

// Whatever else is there is no hook, but what hooks are made of.
const gitHook = /^(?:[a-z]+-)+[a-z0-9]+$|^update$/;
