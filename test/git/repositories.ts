import { execFile } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** What a test's git is given: nothing of this machine's settings, of a calling git, or of today's date. */
export const gitTestEnv: Readonly<Record<string, string>> = {
  PATH: process.env["PATH"] ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_AUTHOR_DATE: "1750000000 +0200",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
  GIT_COMMITTER_DATE: "1750000000 +0200",
  // File transports, which a submodule and a partial clone need here.
  GIT_ALLOW_PROTOCOL: "file",
};

/** Every kind of repository that Holdfast has to work in, but for reftable, which git can make from 2.45 on. */
export const repositoryKinds = [
  "plain",
  "bare",
  "worktree",
  "submodule",
  "sha256",
  "packed refs",
  "shallow",
  "partial clone",
  "alternates",
] as const;

export type RepositoryKind = (typeof repositoryKinds)[number];

/** A real repository in a temporary folder, with three commits on `main`. */
export interface TestRepository extends Disposable {
  readonly kind: RepositoryKind;
  /** Where one works in it: the top of its files, or the bare repository. */
  readonly path: string;
  /** All of it, and what it was made from. */
  readonly folder: string;
  /** Runs git there and gives what it printed, without the last newline. @throws when git fails */
  git(...args: readonly string[]): Promise<string>;
  /** @throws when `git fsck --strict` has anything to say */
  fsckClean(): Promise<void>;
}

/** Makes a repository of a kind. */
export async function makeRepository(kind: RepositoryKind = "plain"): Promise<TestRepository> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-git-"));
  try {
    const path = await makers[kind](folder);
    return {
      kind,
      path,
      folder,
      git: (...args) => runTestGit(path, args),
      fsckClean: () => fsckClean(path),
      [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Runs git in a folder with {@link gitTestEnv}. */
export async function runTestGit(cwd: string, args: readonly string[], env = gitTestEnv): Promise<string> {
  const { stdout } = await run("git", [...args], { cwd, env, maxBuffer: 256 * 1024 * 1024 });
  return stdout.replace(/\n$/, "");
}

/** Lets `git fsck --strict` look at everything. @throws when it has anything to say */
export async function fsckClean(cwd: string): Promise<void> {
  const { stdout, stderr } = await run(
    "git",
    ["fsck", "--strict", "--full", "--no-dangling", "--no-progress"],
    {
      cwd,
      env: gitTestEnv,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const said = `${stdout}${stderr}`.split("\n").filter((line) => line !== "" && !line.startsWith("notice: "));
  if (said.length > 0) throw new Error(`git fsck --strict: ${said.join("\n")}`);
}

const run = promisify(execFile);

const makers: Readonly<Record<RepositoryKind, (folder: string) => Promise<string>>> = {
  plain: (folder) => makePlain(join(folder, "plain")),
  bare: (folder) => clone(folder, "--bare"),
  worktree: async (folder) => {
    const path = join(folder, "linked");
    await runTestGit(await makePlain(join(folder, "main")), ["worktree", "add", "-q", "-b", "linked", path]);
    return path;
  },
  submodule: async (folder) => {
    const [inner, outer] = [await makePlain(join(folder, "inner")), await makePlain(join(folder, "outer"))];
    await runTestGit(outer, ["submodule", "--quiet", "add", inner, "sub"]);
    await runTestGit(outer, ["commit", "-q", "-m", "Add a submodule"]);
    return join(outer, "sub");
  },
  sha256: (folder) => makePlain(join(folder, "sha256"), "--object-format=sha256"),
  "packed refs": async (folder) => {
    const path = await makePlain(join(folder, "packed"));
    await runTestGit(path, ["tag", "-a", "v1", "-m", "A tag"]);
    await runTestGit(path, ["pack-refs", "--all", "--prune"]);
    await runTestGit(path, ["gc", "-q"]);
    return path;
  },
  shallow: (folder) => clone(folder, "--depth=1"),
  "partial clone": (folder) => clone(folder, "--filter=blob:none", "--no-checkout"),
  alternates: async (folder) => {
    const path = join(folder, "borrower");
    const origin = await makePlain(join(folder, "origin"));
    await runTestGit(folder, ["clone", "-q", "--shared", "--", origin, path]);
    return path;
  },
};

interface TemplateFile {
  readonly name: string;
  readonly mode: number;
  /** Absent: a folder. */
  readonly content?: Buffer;
}

const templates = new Map<string, Promise<readonly TemplateFile[]>>();

/** Made once in a process, as it takes eight commands, and kept in memory, as a worker that is stopped tidies no folder up. */
async function makePlain(path: string, ...options: readonly string[]): Promise<string> {
  const key = options.join(" ");
  const template = templates.get(key) ?? readTemplate(options);
  templates.set(key, template);
  for (const { name, mode, content } of await template)
    if (content === undefined) mkdirSync(join(path, name), { recursive: true });
    else writeFileSync(join(path, name), content, { mode });
  return path;
}

async function readTemplate(options: readonly string[]): Promise<readonly TemplateFile[]> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-git-template-"));
  try {
    const path = await makeTemplate(join(folder, "template"), ...options);
    const names = ["", ...readdirSync(path, { recursive: true, encoding: "utf8" })];
    return names.map((name) => {
      const { mode } = statSync(join(path, name));
      return (mode & 0o170000) === 0o040000
        ? { name, mode }
        : { name, mode, content: readFileSync(join(path, name)) };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeTemplate(path: string, ...options: readonly string[]): Promise<string> {
  await runTestGit(tmpdir(), ["init", "-q", "-b", "main", ...options, "--", path]);
  // A partial clone is served only where the other side allows it.
  await runTestGit(path, ["config", "uploadpack.allowFilter", "true"]);
  for (const number of [1, 2, 3]) {
    writeFileSync(join(path, "README.md"), `# Version ${number}\n`);
    appendFileSync(join(path, "notes.txt"), `Line ${number}\n`);
    await runTestGit(path, ["add", "-A"]);
    await runTestGit(path, ["commit", "-q", "-m", `Commit ${number}`]);
  }
  return path;
}

async function clone(folder: string, ...options: readonly string[]): Promise<string> {
  const path = join(folder, "clone");
  const origin = await makePlain(join(folder, "origin"));
  await runTestGit(folder, ["clone", "-q", ...options, "--", `file://${origin}`, path]);
  return path;
}
