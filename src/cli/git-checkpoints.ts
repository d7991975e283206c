import type { Environment } from "../git/plumbing/environment.ts";
import { objectIn } from "../core/json.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Change, Store } from "../core/store.ts";
import { committedRun } from "../runtime/committed-run.ts";
import {
  bySession,
  type Projection,
  type ProjectionBatch,
  type SessionDocument,
} from "../runtime/projection.ts";

/** The name of the projection. */
export const gitCheckpointsName = "git-checkpoints";

/** What became of a commit that a run made: its checkpoint, or why it has none. */
export type MadeCommit = {
  readonly run: string;
  readonly commit: string;
} & ({ readonly checkpoint: string } | { readonly without: string });

export interface GitCheckpointsParams {
  readonly cliVersion: string;
  /** What git's environment is made of; default this process's. */
  readonly env?: Environment;
  /** Told of each commit as it is looked at; must not throw. */
  readonly onCommit?: (made: MadeCommit) => void;
}

/**
 * Writes a checkpoint of each commit that a committed run made into the repository in which the run was at work, where
 * that is enabled. What it keeps with a session is what became of each commit when it was looked at.
 */
export function gitCheckpoints({ onCommit, ...rest }: GitCheckpointsParams): Projection {
  const told = new Set<string>();
  const params = {
    ...rest,
    // A step that fails behind it is taken again.
    onCommit: (made: MadeCommit) => {
      const text = JSON.stringify(made);
      if (!told.has(text)) onCommit?.(made);
      told.add(text);
    },
  };
  return {
    name: gitCheckpointsName,
    async apply(batch) {
      const documents: SessionDocument[] = [];
      const failures: unknown[] = [];
      for (const { session, changes } of bySession(batch.changes)) {
        // No session waits for another one's repository: what fails is thrown when all others have theirs.
        try {
          const body = await documentAfter(batch, { session, changes }, params);
          if (body !== undefined) documents.push({ session, body });
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
      return documents;
    },
  };
}

/** What became of the commits that a session's runs made, oldest first. */
export async function madeCommitsOf(store: Store, session: SessionKey): Promise<readonly MadeCommit[]> {
  return read(await store.projected({ projection: gitCheckpointsName, session }));
}

async function documentAfter(
  { store, previous, signal }: ProjectionBatch,
  { session, changes }: { readonly session: SessionKey; readonly changes: readonly Change[] },
  params: Required<Pick<GitCheckpointsParams, "onCommit">> & GitCheckpointsParams,
): Promise<string | undefined> {
  const found: MadeCommit[] = [];
  for (const change of changes) {
    signal?.throwIfAborted();
    const made = await committedRun(store, change);
    if (made === undefined) continue;
    // Most of what is followed made no commit, and loads nothing of git.
    const { writeCheckpoints } = await import("./run-checkpoints.ts");
    found.push(...(await writeCheckpoints(store, made, params)));
  }
  if (found.length === 0) return undefined;
  for (const made of found) params.onCommit(made);
  const isNew = ({ run, commit }: MadeCommit): boolean =>
    !found.some((made) => made.run === run && made.commit === commit);
  const before = changes.some(({ kind }) => kind === "dropped") ? [] : read(await previous(session));
  return JSON.stringify({ commits: [...before.filter(isNew), ...found].slice(-mostCommits) });
}

function read(body: string | null): readonly MadeCommit[] {
  const commits = body === null ? undefined : objectIn(body)?.["commits"];
  return Array.isArray(commits) ? (commits as MadeCommit[]) : [];
}

// A document is written whole with each commit.
const mostCommits = 200;
