import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { headByGit } from "./head-by-git.ts";
import { readOwnFile } from "./own-files.ts";

/** Where a folder lies, as far as git's own files tell it: a hook of an agent has no time to ask git. */
export interface Place {
  readonly gitDir: string;
  readonly commonDir: string;
  readonly worktreePath: string;
  /** `@` of the main worktree, else the name of its folder in `worktrees/`. */
  readonly worktree: string;
}

/** The worktree that a folder lies in; undefined where it lies in none. */
export function placeOf(folder: string): Place | undefined {
  for (let at = realFolder(folder); at !== undefined; at = dirname(at) === at ? undefined : dirname(at)) {
    const gitDir = gitDirIn(at);
    if (gitDir === undefined) continue;
    const commonDir = pathIn(join(gitDir, "commondir"), gitDir) ?? gitDir;
    return { gitDir, commonDir, worktreePath: at, worktree: worktreeKey({ gitDir, commonDir }) };
  }
  return undefined;
}

/** What a worktree is called in our files, and by the shell of the hooks. */
export function worktreeKey({
  gitDir,
  commonDir,
}: {
  readonly gitDir: string;
  readonly commonDir: string;
}): string {
  return gitDir === commonDir ? "@" : basename(gitDir);
}

/** The folder of git that a worktree of this name has. */
export function gitDirOf(commonDir: string, worktree: string): string {
  return worktree === "@" ? commonDir : join(commonDir, "worktrees", basename(worktree));
}

/** The branch and the commit of a worktree, as files tell them, or git where it keeps refs in no files. */
export function headOf(
  { gitDir, commonDir }: Pick<Place, "gitDir" | "commonDir">,
  ask: typeof headByGit = headByGit,
): ReturnType<typeof headByGit> {
  const head = textIn(join(gitDir, "HEAD")) ?? "";
  if (head === reftableHead) return ask(gitDir);
  const ref = /^ref: (refs\/heads\/(?!.*\.\.)[^\p{Cc}\s]+)$/u.exec(head)?.[1];
  const id = ref === undefined ? head : (textIn(join(commonDir, ref)) ?? packed(commonDir, ref));
  return {
    ...(ref === undefined ? {} : { branch: ref.slice("refs/heads/".length) }),
    ...(id !== undefined && /^[0-9a-f]{40,64}$/.test(id) ? { commit: id } : {}),
  };
}

// What git writes into the file where refs are kept in a reftable.
const reftableHead = "ref: refs/heads/.invalid";

function realFolder(folder: string): string | undefined {
  try {
    return realpathSync(folder);
  } catch {
    return undefined;
  }
}

function gitDirIn(folder: string): string | undefined {
  const path = join(folder, ".git");
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true) return existsSync(join(path, "HEAD")) ? path : undefined;
  if (stat?.isFile() !== true) return undefined;
  const named = /^gitdir: (.+)$/.exec(textIn(path) ?? "")?.[1];
  return named === undefined ? undefined : realFolder(resolve(folder, named));
}

function pathIn(file: string, from: string): string | undefined {
  const text = textIn(file);
  return text === undefined ? undefined : realFolder(resolve(from, text));
}

function packed(commonDir: string, ref: string): string | undefined {
  const bytes = readOwnFile(join(commonDir, "packed-refs"), { maxBytes: 32 << 20 });
  if (!Buffer.isBuffer(bytes)) return undefined;
  const at = bytes.indexOf(` ${ref}\n`);
  return at === -1 ? undefined : bytes.subarray(bytes.lastIndexOf("\n", at) + 1, at).toString("latin1");
}

function textIn(file: string): string | undefined {
  const bytes = readOwnFile(file, { maxBytes: 8_192 });
  return Buffer.isBuffer(bytes) ? bytes.toString("utf8").replace(/\r?\n$/, "") : undefined;
}
