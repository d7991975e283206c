import { mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { RefsLayout } from "../../src/git/layouts/refs.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { FactsIndex } from "../../src/git/reading/facts-index.ts";
import { handCheckpoint, type HandCheckpoint } from "./hand-written.ts";
import {
  gitTestEnv,
  makeRepository,
  type RepositoryKind,
  runTestGit,
  type TestRepository,
} from "./repositories.ts";

/** A repository whose commits name checkpoints that are written by hand. */
export class Story implements AsyncDisposable {
  readonly #made: TestRepository;
  readonly repository: Repository;
  readonly path: string;
  /** A folder beside the repository, for what an agent keeps. */
  readonly folder: string;
  readonly source: RefsLayout;

  private constructor(made: TestRepository, repository: Repository) {
    this.#made = made;
    this.repository = repository;
    this.path = realpathSync(made.path);
    this.folder = realpathSync(made.folder);
    this.source = new RefsLayout(repository);
  }

  static async make(kind: RepositoryKind = "plain"): Promise<Story> {
    const made = await makeRepository(kind);
    return new Story(made, await openRepository({ cwd: made.path, env: gitTestEnv }));
  }

  /** Opened anew, as each command does. */
  get index(): FactsIndex {
    return new FactsIndex({ repository: this.repository, source: this.source });
  }

  git(...args: readonly string[]): Promise<string> {
    return this.#made.git(...args);
  }

  /** Writes files; null removes one. */
  files(files: Readonly<Record<string, string | null>>): void {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      if (content === null) rmSync(path);
      else {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, content);
      }
    }
  }

  /** Commits files, with the trailers of checkpoints, and gives the commit's id. */
  async commit(
    files: Readonly<Record<string, string | null>>,
    message: string,
    { checkpoints = [], atMs }: { readonly checkpoints?: readonly string[]; readonly atMs?: number } = {},
  ): Promise<string> {
    this.files(files);
    await this.git("add", "-A");
    const trailers = checkpoints.map((id) => `\nEntire-Checkpoint: ${id}`).join("");
    const date = atMs === undefined ? {} : { GIT_COMMITTER_DATE: `${Math.floor(atMs / 1000)} +0000` };
    const args = [
      "commit",
      "-q",
      "--allow-empty",
      "-m",
      trailers === "" ? message : `${message}\n${trailers}`,
    ];
    await runTestGit(this.path, args, { ...gitTestEnv, ...date });
    return this.git("rev-parse", "HEAD");
  }

  async checkpoint(checkpoint: HandCheckpoint): Promise<void> {
    await handCheckpoint(this.repository, checkpoint);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.repository[Symbol.asyncDispose]();
    try {
      await this.#made.fsckClean();
    } finally {
      this.#made[Symbol.dispose]();
    }
  }
}

/** When the stories happen. */
export const storyMs = Date.parse("2026-02-03T06:00:00Z");

/** A transcript of Claude Code, a line an argument; `cwd` is where it says it worked. */
export function claudeTranscript(
  session: string,
  lines: readonly object[],
  cwd = "/home/dev/project",
): string {
  const common = { sessionId: session, cwd, version: "2.0.0" };
  return lines
    .map((line, at) => ({
      uuid: `${session}-${at}`,
      ...common,
      timestamp: new Date(storyMs + at * 1000).toISOString(),
      ...line,
    }))
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
}

export function prompt(text: string): object {
  return { type: "user", message: { role: "user", content: text } };
}

export function says(text: string): object {
  return { type: "assistant", message: { role: "assistant", content: [{ type: "text", text }] } };
}

export function calls(id: string, name: string, input: object): object {
  return {
    type: "assistant",
    message: { role: "assistant", content: [{ type: "tool_use", id, name, input }] },
  };
}

export function answers(id: string, { failed = false, text = "done" } = {}): object {
  const content = [{ type: "tool_result", tool_use_id: id, content: text, is_error: failed }];
  return { type: "user", message: { role: "user", content } };
}
