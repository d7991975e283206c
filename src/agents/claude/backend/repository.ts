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

/** Asks git; never fails, and by default takes no longer than five seconds. */
export async function repositoryOf(cwd: string, timeoutMs = 5000): Promise<RepositoryState> {
  const git = (...args: readonly string[]): Promise<string | undefined> => asked({ cwd, args, timeoutMs });
  const [folder, origin, branch, commit] = await Promise.all([
    git("rev-parse", "--show-toplevel"),
    git("config", "--get", "remote.origin.url"),
    git("symbolic-ref", "--short", "-q", "HEAD"),
    git("rev-parse", "-q", "--verify", "HEAD^{commit}"),
  ]);
  if (folder === undefined) return {};
  return {
    repository: withoutCredentials(origin ?? folder),
    ...(branch !== undefined && { branch }),
    ...(commit !== undefined && { commit }),
  };
}

interface Question {
  readonly cwd: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
}

async function asked({ cwd, args, timeoutMs }: Question): Promise<string | undefined> {
  try {
    const options = { cwd, env: ownEnv(), timeout: timeoutMs, windowsHide: true };
    const { stdout } = await run("git", [...args], options);
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
