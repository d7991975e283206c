import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Where a folder's code is from, as its git repository tells; empty where there is none. */
export interface RepositoryState {
  /** The address it is fetched from, without credentials, or else its folder. */
  readonly repository?: string;
  /** Absent between branches. */
  readonly branch?: string;
  readonly commit?: string;
}

/** Asks git; never fails, and takes no longer than a second. */
export async function repositoryOf(cwd: string): Promise<RepositoryState> {
  const [folder, origin, branch, commit] = await Promise.all([
    git(cwd, ["rev-parse", "--show-toplevel"]),
    git(cwd, ["config", "--get", "remote.origin.url"]),
    git(cwd, ["symbolic-ref", "--short", "-q", "HEAD"]),
    git(cwd, ["rev-parse", "-q", "--verify", "HEAD^{commit}"]),
  ]);
  if (folder === undefined) return {};
  return {
    repository: withoutCredentials(origin ?? folder),
    ...(branch !== undefined && { branch }),
    ...(commit !== undefined && { commit }),
  };
}

async function git(cwd: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run("git", [...args], { cwd, env: ownEnv(), timeout: 1000, windowsHide: true });
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}

const run = promisify(execFile);

// A host that is itself started by a git hook has these, and they would lead to another repository.
function ownEnv(): NodeJS.ProcessEnv {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
  return { ...Object.fromEntries(env), GIT_OPTIONAL_LOCKS: "0" };
}

// A password may hold an at sign itself, and a token may stand behind the path.
function withoutCredentials(url: string): string {
  const isAddress = /^[a-z][a-z0-9+.-]*:\/\//i.test(url);
  return isAddress ? url.replace(/^([^/]*\/\/)[^/]*@/, "$1").replace(/[?#].*$/s, "") : url;
}
