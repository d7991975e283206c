import { relative, resolve, sep } from "node:path";
import { HoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import { type Blamed, blameLine } from "./blame.ts";
import type { CheckpointSource } from "./checkpoint-source.ts";
import { type CommitRecord, commitNamed, readCommit } from "./commits.ts";
import type { FactsIndex } from "./facts-index.ts";
import { findTurn, type FoundTurn, isBetterTurn } from "./find-turn.ts";
import { checkpointsOf, type CommitLink } from "./resolve.ts";

/** What is known of why a line is as it is. */
export interface Why {
  readonly path: string;
  readonly line: number;
  readonly blamed: Blamed;
  /** Null: the line is not committed. */
  readonly commit: CommitRecord | null;
  /** The checkpoints of the commit; of a squash there may be several. */
  readonly checkpoints: readonly CommitLink[];
  /** Those of them that are not in this repository. */
  readonly missing: readonly string[];
  /** The turn that wrote it; null where no session says so. */
  readonly turn: (FoundTurn & { readonly checkpoint: string }) | null;
}

export interface WhyParams {
  readonly repository: Repository;
  readonly source: CheckpointSource;
  readonly index: FactsIndex;
  /** As a person names it, seen from `cwd`. */
  readonly file: string;
  readonly line: number;
  readonly cwd: string;
  /** Default the file as it lies in the worktree; in a bare repository HEAD. */
  readonly revision?: string;
}

/** Follows a line to the commit, the checkpoint and the turn that wrote it. @throws git_line_unknown, git_revision_unknown */
export async function why(params: WhyParams): Promise<Why> {
  const { repository, source, line } = params;
  const path = pathIn(params);
  const revision = await revisionOf(params);
  const blamed = await blameLine(repository, { path, line, ...(revision === undefined ? {} : { revision }) });
  const found = { path, line, blamed };
  if (blamed.commit === null) return { ...found, commit: null, checkpoints: [], missing: [], turn: null };
  const commit = await readCommit(repository, blamed.commit);
  const checkpoints = await checkpointsOf(params, commit);
  const missing: string[] = [];
  let turn: Why["turn"] = null;
  for (const { id } of checkpoints) {
    const checkpoint = await source.read(id);
    if (checkpoint === null) missing.push(id);
    else {
      const sought = { path: blamed.path, text: blamed.text };
      const untilMs = commit.committedAtMs;
      const here = await findTurn({ objects: repository.objects, checkpoint, sought, untilMs });
      if (here !== null && isBetterTurn(here, turn)) turn = { ...here, checkpoint: id };
    }
  }
  return { ...found, commit, checkpoints, missing, turn };
}

/** Takes apart `file:line`; a file's name may hold colons. @throws usage */
export function parseLine(text: string): { readonly file: string; readonly line: number } {
  const [, file, line] = /^(.+):(\d{1,9})$/s.exec(text) ?? [];
  if (file !== undefined && Number(line) > 0) return { file, line: Number(line) };
  throw new HoldfastError({
    code: "usage",
    message: `${JSON.stringify(text.slice(0, 200))} names no line of a file.`,
    next: "Name one, such as src/main.ts:12.",
  });
}

function pathIn({ repository: { worktree }, cwd, file }: WhyParams): string {
  // In a bare repository paths are seen from its top.
  if (worktree === null) return file;
  const path = relative(worktree, resolve(cwd, file)).split(sep).join("/");
  if (path !== "" && path !== ".." && !path.startsWith("../")) return path;
  throw new HoldfastError({
    code: "git_line_unknown",
    message: `The file ${JSON.stringify(file.slice(0, 300))} is not in the repository at ${worktree}.`,
    next: "Name a file of the repository.",
  });
}

async function revisionOf({ repository, revision }: WhyParams): Promise<string | undefined> {
  const wanted = revision ?? (repository.worktree === null ? "HEAD" : undefined);
  if (wanted === undefined) return undefined;
  const commit = await commitNamed(repository, wanted);
  if (commit !== null) return commit;
  throw new HoldfastError({
    code: "git_revision_unknown",
    message: `git knows no commit ${JSON.stringify(wanted.slice(0, 200))} here.`,
    next: "Give a commit, a branch or a tag.",
  });
}
