import { join } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import { fieldsOf, objectIn, textOf } from "../../core/json.ts";
import { readOwnFile } from "../flow/own-files.ts";
import type { Repository } from "../plumbing/repository.ts";

/** Where checkpoints go and come from. */
export type Destination =
  | {
      readonly kind: "remote";
      readonly name: string;
      /** It was named for checkpoints, so that they go there with every push. */
      readonly isDedicated: boolean;
    }
  /** They stay here: `holdfast.push` is false, or the CLI's `push_sessions` is. */
  | { readonly kind: "local-only" }
  /** There is no remote, or none of several is called origin. */
  | { readonly kind: "none" };

/**
 * The one remote of a repository's checkpoints: `holdfast.remote`, else what the CLI's settings name, else origin,
 * else the only one. A remote that is named and missing is an error, so that nothing goes where it was not meant to.
 * @throws git_remote_missing
 */
export async function destinationOf(repository: Repository): Promise<Destination> {
  const [settings, remotes] = await Promise.all([settingsOf(repository), remotesOf(repository)]);
  const theirs = foreignSettings(repository);
  if (settings.push === "false" || (settings.push === undefined && theirs.pushes === false)) {
    return { kind: "local-only" };
  }
  const named = settings.remote ?? theirs.remote;
  if (named !== undefined) return { kind: "remote", name: checked(named, remotes), isDedicated: true };
  if (theirs.hasRepository) throw ofTheirOwn();
  if (remotes.includes("origin")) return { kind: "remote", name: "origin", isDedicated: false };
  const [only] = remotes;
  return remotes.length === 1 ? { kind: "remote", name: only!, isDedicated: false } : { kind: "none" };
}

/** The name that is given, where it is that of a remote. @throws git_remote_missing */
export async function namedRemote(repository: Repository, name: string): Promise<string> {
  return checked(name, await remotesOf(repository));
}

async function remotesOf(repository: Repository): Promise<readonly string[]> {
  const { stdout } = await repository.git(["remote"]);
  // A name that begins so would be read as an option.
  const names = stdout.toString().split("\n");
  return names.filter((name) => name !== "" && !name.startsWith("-"));
}

function checked(name: string, remotes: readonly string[]): string {
  if (remotes.includes(name)) return name;
  throw new HoldfastError({
    code: "git_remote_missing",
    message: `Checkpoints are to go to the remote ${JSON.stringify(name)}, and there is none of that name.`,
    next: "Add it with: git remote add <name> <url>, or name another: git config holdfast.remote <name>",
    data: { remote: name },
  });
}

function ofTheirOwn(): HoldfastError {
  return new HoldfastError({
    code: "git_remote_missing",
    message: "The entire CLI's settings name a repository for checkpoints alone, which is no remote here.",
    next: "Add it with: git remote add checkpoints <url>, and then: git config holdfast.remote checkpoints",
  });
}

async function settingsOf(
  repository: Repository,
): Promise<{ readonly push: string | undefined; readonly remote: string | undefined }> {
  const one = async (key: string, type: readonly string[] = []): Promise<string | undefined> => {
    const { code, stdout } = await repository.git(["config", ...type, "--get", key], { codes: [0, 1] });
    return code === 0 ? stdout.toString().replace(/\n$/, "") : undefined;
  };
  const [push, remote] = await Promise.all([one("holdfast.push", ["--type=bool"]), one("holdfast.remote")]);
  return { push, remote: remote === "" ? undefined : remote };
}

interface ForeignSettings {
  readonly pushes: boolean | undefined;
  readonly remote: string | undefined;
  readonly hasRepository: boolean;
}

// The local file stands over the committed one, key by key (specification §14).
function foreignSettings({ worktree }: Repository): ForeignSettings {
  const options = new Map<string, unknown>();
  for (const name of worktree === null ? [] : ["settings.json", "settings.local.json"]) {
    const settings = objectIn(smallText(join(worktree!, ".entire", name)));
    for (const [key, value] of Object.entries(fieldsOf(settings?.["strategy_options"]) ?? {}))
      options.set(key, value);
  }
  const [pushes, remote] = [options.get("push_sessions"), textOf(options.get("checkpoint_push_remote"))];
  return {
    pushes: typeof pushes === "boolean" ? pushes : undefined,
    remote: remote === "" ? undefined : remote,
    hasRepository: fieldsOf(options.get("checkpoint_remote")) !== undefined,
  };
}

const maxSettingsBytes = 1024 * 1024;

function smallText(path: string): string {
  const text = readOwnFile(path, { maxBytes: maxSettingsBytes });
  return Buffer.isBuffer(text) ? text.toString("utf8") : "";
}
