import type { Identity, ObjectBatch, ObjectReader } from "./objects.ts";
import type { Refs } from "./refs.ts";

/** A git repository that was found and opened. */
export interface Repository extends AsyncDisposable {
  /** Of this worktree. */
  readonly gitDir: string;
  /** Shared by all worktrees: objects, refs, and what Holdfast keeps in `holdfast/`. */
  readonly commonDir: string;
  /** The top folder of the files; null in a bare repository. */
  readonly worktree: string | null;
  readonly objectFormat: "sha1" | "sha256";
  readonly refFormat: "files" | "reftable";
  readonly objects: ObjectReader;
  readonly refs: Refs;
  batch(this: void): ObjectBatch;
  /** Who commits here, as git would say it; a stand-in where nobody is configured. */
  identity(this: void): Promise<Identity>;
  /** Runs git here. @throws git_failed, git_missing */
  git(this: void, args: readonly string[], options?: GitOptions): Promise<GitResult>;
}

export interface GitOptions {
  readonly input?: Uint8Array | string;
  /** Further variables; what the caller's own git has set for its hooks (`GIT_DIR`, …) is never inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** Killed after this; default 60,000. */
  readonly timeoutMs?: number;
  /** Exit codes that are answers, not failures; default 0 alone. */
  readonly codes?: readonly number[];
  /** Killed when it prints more; default 64 MiB. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

export interface GitResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}
