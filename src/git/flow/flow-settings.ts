import { HoldfastError } from "../../core/errors.ts";
import type { Layout } from "../checkpoint-store.ts";
import type { Repository } from "../plumbing/repository.ts";

/** How checkpoints are to lie in a repository, by its own settings. */
export interface FlowSettings {
  readonly layout: Layout;
  readonly mirrors: readonly Layout[];
}

export const layouts: readonly Layout[] = ["git-refs", "git-branch", "v2"];

/** Reads `holdfast.checkpoints` and `holdfast.mirror`; undefined where nobody has enabled them. @throws git_settings_invalid */
export async function readFlowSettings(repository: Repository): Promise<FlowSettings | undefined> {
  const [layout] = (await settingValues(repository, "holdfast.checkpoints")).slice(-1);
  if (layout === undefined) return undefined;
  const settings = {
    layout: layoutOf(layout),
    mirrors: (await settingValues(repository, "holdfast.mirror")).map(layoutOf),
  };
  return settings;
}

/** The layout of the time before git-refs: what it has stays there, and is still read and completed. */
export function olderLayout({ layout, mirrors }: FlowSettings): "git-branch" | undefined {
  return layout === "git-refs" && !mirrors.includes("git-branch") ? "git-branch" : undefined;
}

/** Writes them, each value once; changes nothing that is so already. */
export async function writeFlowSettings(
  repository: Repository,
  { layout, mirrors }: FlowSettings,
): Promise<void> {
  await repository.git(["config", "--local", "holdfast.checkpoints", layout]);
  await repository.git(["config", "--local", "--unset-all", "holdfast.mirror"], { codes: [0, 5] });
  for (const mirror of mirrors)
    await repository.git(["config", "--local", "--add", "holdfast.mirror", mirror]);
}

/** The settings that are seldom set: `holdfast.ulidMirrors`, and `holdfast.transcript`, which may be `whole`. */
export async function flowSwitches(
  repository: Repository,
): Promise<{ readonly ulidMirrors: boolean; readonly isWhole: boolean }> {
  const [allowed] = (await settingValues(repository, "holdfast.ulidMirrors", "--type=bool")).slice(-1);
  const [form] = (await settingValues(repository, "holdfast.transcript")).slice(-1);
  return { ulidMirrors: allowed === "true", isWhole: form === "whole" };
}

/** Refuses mirrors that cannot be kept beside a primary. @throws git_settings_invalid */
export async function checkMirrors(repository: Repository, { layout, mirrors }: FlowSettings): Promise<void> {
  if (mirrors.includes(layout))
    throw invalid(`${layout} is the primary layout and cannot be its own mirror.`);
  if (new Set(mirrors).size < mirrors.length) throw invalid("A mirror is named twice.");
  const { ulidMirrors } = await flowSwitches(repository);
  // No other program would look for a ULID there, and all of them would share one shard (specification §5, §7).
  if (layout === "git-refs" && mirrors.length > 0 && !ulidMirrors)
    throw invalid(
      `The layout git-refs names checkpoints by ULIDs, which the mirror ${mirrors.join(" and ")} does not take.`,
      "Choose git-branch or v2 as the layout, or allow it with: git config holdfast.ulidMirrors true",
    );
}

/** All values of a key of git's settings, in the order in which git reads them. */
export async function settingValues(
  repository: Repository,
  key: string,
  ...options: readonly string[]
): Promise<readonly string[]> {
  const { stdout } = await repository.git(["config", "-z", ...options, "--get-all", key], { codes: [0, 1] });
  return stdout.toString().split("\0").slice(0, -1);
}

/** A layout by its name. @throws git_settings_invalid */
export function layoutOf(name: string): Layout {
  const layout = layouts.find((one) => one === name);
  if (layout !== undefined) return layout;
  throw invalid(`There is no layout ${JSON.stringify(name.slice(0, 60))}.`);
}

function invalid(message: string, next = `Name ${layouts.join(", ")}, each once.`): HoldfastError {
  return new HoldfastError({ code: "git_settings_invalid", message, next });
}
