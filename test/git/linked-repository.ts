import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { disable } from "../../src/git/flow/disable.ts";
import { enable, type EnableParams, mendHooks } from "../../src/git/flow/enable.ts";
import { placeOf } from "../../src/git/flow/place.ts";
import { SessionFiles } from "../../src/git/flow/session-files.ts";
import { newSession, type SessionState } from "../../src/git/flow/session-state.ts";
import { Spool, type SpooledEvent } from "../../src/git/flow/spool.ts";
import { flowStatus } from "../../src/git/flow/status.ts";
import { parseTrailers } from "../../src/git/format/trailers.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { snapshot } from "../cli/home.ts";
import {
  gitTestEnv,
  makeRepository,
  type RepositoryKind,
  runTestGit,
  type TestRepository,
} from "./repositories.ts";
import { copyRepository } from "./repository-copy.ts";

/** What the hooks start in tests: the real program for a hook, and no worker, so that what was noted stays to be looked at. */
export const hookPrograms = {
  node: process.execPath,
  program: "/dev/null",
  hook: join(import.meta.dirname, "../../dist/git-hook.js"),
};

/** Whatever is installed on this machine. */
const nowhere = { searchPath: "" };

/** A real repository whose commits are linked to sessions. */
export class LinkedRepository implements Disposable {
  readonly #made: TestRepository;
  readonly path: string;
  readonly commonDir: string;
  readonly worktree: string;
  readonly sessions: SessionFiles;

  private constructor(made: TestRepository) {
    this.#made = made;
    this.path = realpathSync(made.path);
    const place = placeOf(this.path)!;
    this.commonDir = place.commonDir;
    this.worktree = place.worktree;
    this.sessions = new SessionFiles(place);
  }

  /** Makes one, lets `before` change it, and enables it. */
  static async make(
    kind: RepositoryKind = "plain",
    before?: (made: LinkedRepository) => Promise<void> | void,
  ): Promise<LinkedRepository> {
    const linked = new LinkedRepository(await fresh(kind));
    await before?.(linked);
    await linked.enable();
    return linked;
  }

  async enable(more: Partial<EnableParams> = {}, worktree = this.path): ReturnType<typeof enable> {
    const usual = { programs: hookPrograms, settings: {}, scope: "local", dryRun: false } as const;
    return await this.#opened(
      (repository) => enable({ repository, ...usual, ...nowhere, ...more }),
      worktree,
    );
  }

  status(params: Parameters<typeof flowStatus>[1] = nowhere): ReturnType<typeof flowStatus> {
    return this.#opened((repository) => flowStatus(repository, params));
  }

  disable(workerWaitMs = 10_000): ReturnType<typeof disable> {
    return this.#opened((repository) => disable(repository, { forget: true, workerWaitMs }));
  }

  /** What the worker does first. */
  mend(): Promise<boolean> {
    return this.#opened(mendHooks);
  }

  /** Everything in the repository but what git itself writes while it is looked at. */
  traces(): Record<string, string> {
    const ofGit = /^\.git\/(?:index|logs|objects|refs|COMMIT_EDITMSG|ORIG_HEAD)/;
    return Object.fromEntries(Object.entries(snapshot(this.path)).filter(([name]) => !ofGit.test(name)));
  }

  /** Runs git as a person, or as an agent with its variables. */
  git(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return runTestGit(this.path, args, { ...gitTestEnv, ...env });
  }

  write(path: string, content: string, mode = 0o644): void {
    const whole = join(this.path, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, content);
    chmodSync(whole, mode);
  }

  /** Writes a file and stages it. */
  async stage(path: string, content = `${Math.random()}\n`): Promise<void> {
    this.write(path, content);
    await this.git(["add", "--", path]);
  }

  /** Lets a session have these files to commit. */
  session(sessionId: string, filesTouched: readonly string[] = [], more: Partial<SessionState> = {}): void {
    const { worktree, path: worktreePath } = this;
    const known = newSession({ sessionId, agent: "claude-code", worktree, worktreePath }, Date.now());
    this.sessions.change(sessionId, () => ({
      ...known,
      filesTouched,
      filesTouchedCount: filesTouched.length,
      ...more,
    }));
  }

  /** Stages a file, commits it, and gives what its message says. */
  async commit(path: string, ...args: readonly string[]) {
    await this.stage(path);
    await this.git(["commit", "-q", ...(args.length === 0 ? ["-m", `Change ${path}`] : args)]);
    return await this.trailers();
  }

  message(revision = "HEAD"): Promise<string> {
    return this.git(["log", "-1", "--format=%B", revision]);
  }

  /** What a commit's last block of trailers says, as git itself reads it, and what the CLI would find. */
  async trailers(revision = "HEAD") {
    const only = await this.git(["log", "-1", "--format=%(trailers:only)", revision]);
    const all = await this.message(revision);
    const { checkpoints, sessions } = parseTrailers(only);
    return { checkpoints, sessions, inText: parseTrailers(all).checkpoints };
  }

  events(): readonly SpooledEvent[] {
    const spool = new Spool(this);
    return spool.names().map((name) => spool.read(name) as SpooledEvent);
  }

  read(path: string): string | undefined {
    const whole = join(this.path, path);
    return existsSync(whole) ? readFileSync(whole, "utf8") : undefined;
  }

  /** What lies in the folder of hooks, without git's own examples. */
  hookFiles(folder = join(this.commonDir, "hooks")): readonly string[] {
    return existsSync(folder)
      ? readdirSync(folder)
          .filter((name) => !name.endsWith(".sample"))
          .toSorted()
      : [];
  }

  fsckClean(): Promise<void> {
    return this.#made.fsckClean();
  }

  async #opened<T>(use: (repository: Repository) => Promise<T>, cwd = this.path): Promise<T> {
    await using repository = await openRepository({ cwd, env: gitTestEnv });
    return await use(repository);
  }

  [Symbol.dispose](): void {
    this.#made[Symbol.dispose]();
  }
}

let template: Promise<TestRepository> | undefined;

/** Most tests want the same plain one, and to copy it takes a tenth of the time. */
async function fresh(kind: RepositoryKind): Promise<TestRepository> {
  if (kind !== "plain") return await makeRepository(kind);
  template ??= makeRepository("plain").then((made) => {
    process.once("exit", () => made[Symbol.dispose]());
    return made;
  });
  return copyRepository(await template);
}
