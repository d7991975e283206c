import { basename, dirname } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import type { Environment } from "./environment.ts";
import { FileRefs } from "./file-refs.ts";
import { runGit } from "./git-process.ts";
import { GitRefs } from "./git-refs.ts";
import { identityReader } from "./identity.ts";
import { createBatch } from "./object-batch.ts";
import { openReader } from "./object-reader.ts";
import { ObjectStore } from "./object-store.ts";
import type { GitOptions, GitResult, Repository } from "./repository.ts";
import { settingsReader } from "./settings.ts";

/** Finds the repository that a folder lies in, as git does, and opens it. @throws git_not_a_repository, git_unsafe, git_missing, git_too_old */
export async function openRepository({ cwd, env = process.env }: OpenOptions): Promise<Repository> {
  const found = await fromWithin(await find(cwd, env), env);
  const at = { cwd: found.worktree ?? found.gitDir, env };
  const git = (args: readonly string[], options?: GitOptions): ReturnType<Repository["git"]> =>
    runGit(args, at, options);
  const reader = openReader(at, found.objectFormat);
  const settings = settingsReader(git);
  const identity = identityReader(git, env);
  const store = new ObjectStore(found.commonDir, found.objectFormat);
  const through = new GitRefs({ git, objectFormat: found.objectFormat });
  return {
    ...found,
    objects: reader,
    refs: found.refFormat === "files" ? new FileRefs({ ...found, settings, identity, through }) : through,
    batch: () => createBatch(store),
    identity,
    git,
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

export interface OpenOptions {
  readonly cwd: string;
  /** What git's environment is made of; default this process's. */
  readonly env?: Environment;
}

type Found = Pick<Repository, "gitDir" | "commonDir" | "worktree" | "objectFormat" | "refFormat"> & {
  readonly bare: boolean;
};

async function find(cwd: string, env: Environment): Promise<Found> {
  const args = [
    ...["rev-parse", "--path-format=absolute"],
    ...["--is-bare-repository", "--show-object-format", "--show-ref-format"],
    ...["--absolute-git-dir", "--git-common-dir"],
    // Last: it fails where there is no worktree, after the others were answered.
    "--show-toplevel",
  ];
  const { code, stdout, stderr } = await runGit(args, { cwd, env }, { codes: [0, 128] });
  const lines = stdout.toString().split("\n");
  // An option that git does not know is printed as it is.
  if (lines[0]?.startsWith("--path-format") === true) throw tooOld("It is older than 2.31");
  const [bare, objectFormat, refFormat, ...paths] = lines;
  if (code !== 0 && lines.length < 6) throw refusal(cwd, { code, stderr });
  if (objectFormat !== "sha1" && objectFormat !== "sha256")
    throw tooOld(`It knows objects of ${objectFormat}`);
  const names = ["--absolute-git-dir", "--git-common-dir", ...(code === 0 ? ["--show-toplevel"] : [])];
  const [gitDir, commonDir, worktree] =
    paths.length === names.length + 1 ? paths : await pathsOf(names, { cwd, env });
  return {
    bare: bare === "true",
    gitDir: gitDir!,
    commonDir: commonDir!,
    objectFormat,
    refFormat: refFormat === "reftable" ? "reftable" : "files",
    worktree: code === 0 && worktree !== undefined && worktree !== "" ? worktree : null,
  };
}

// One by one: a path with line breaks in it cannot be told from several.
async function pathsOf(names: readonly string[], at: Parameters<typeof runGit>[1]): Promise<string[]> {
  const asked = names.map((name) => runGit(["rev-parse", "--path-format=absolute", name], at));
  return (await Promise.all(asked)).map(({ stdout }) => stdout.toString().replace(/\n$/, ""));
}

/** In git's own folder, where some hooks run, git names no worktree; it is the folder beside it. */
async function fromWithin(found: Found, env: Environment): Promise<Found> {
  if (found.bare || found.worktree !== null || basename(found.gitDir) !== ".git") return found;
  const beside = await find(dirname(found.gitDir), env).catch(() => found);
  return beside.gitDir === found.gitDir ? beside : found;
}

function refusal(cwd: string, { code, stderr }: Pick<GitResult, "code" | "stderr">): HoldfastError {
  const said = stderr.trim().slice(0, 2000);
  if (/dubious ownership|unsafe repository|safe\.bareRepository|safe\.directory/.test(stderr))
    return new HoldfastError({
      code: "git_unsafe",
      message: `git does not trust the repository at ${cwd}: ${said}.`,
      next: "If you trust it, run: git config --global --add safe.directory <its folder>",
      data: { cwd },
    });
  if (/unknown repository extension|Expected git repo version/i.test(stderr)) return tooOld(said);
  if (/not a git repository/i.test(stderr))
    return new HoldfastError({
      code: "git_not_a_repository",
      message: `${cwd} lies in no git repository.`,
      next: "Go to a folder of a repository, or run: git init",
      data: { cwd },
    });
  return new HoldfastError({
    code: "git_failed",
    message: `git could not open the repository at ${cwd}: ${said}.`,
    next: "Run `git status` there to see more.",
    data: { cwd, exitCode: code, stderr: said },
  });
}

function tooOld(why: string): HoldfastError {
  return new HoldfastError({
    code: "git_too_old",
    message: `git is too old for this. ${why.replace(/\.?$/, ".")}`,
    next: "Install a later git.",
  });
}
