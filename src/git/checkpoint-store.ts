import type { RawObject } from "./format/raw-json.ts";
import type { Finding } from "./format/findings.ts";
import type { ObjectId, TreeEntry } from "./plumbing/objects.ts";

/** How checkpoints lie in a repository. */
export type Layout = "git-refs" | "git-branch" | "v2";

/** Checkpoints of one layout in one repository. Ids are 12 hex digits or an upper-case ULID. */
export interface CheckpointStore {
  readonly layout: Layout;
  /**
   * Creates a checkpoint, or brings its sessions into one that is there: a session has one slot, found by its id, and
   * a slot is replaced whole; sessions that are not named stay, and so does every key that is not known here.
   */
  write(checkpoint: CheckpointInput): Promise<Written>;
  /** The same of a checkpoint that must be there. @throws checkpoint_unknown */
  update(checkpoint: CheckpointInput): Promise<Written>;
  read(id: string): Promise<StoredCheckpoint | null>;
  /** Every id with what names it now; nothing is read of it. Newest first where the ids tell it. */
  list(): Promise<readonly ListedCheckpoint[]>;
  remove(id: string): Promise<{ readonly removed: boolean }>;
}

export interface ListedCheckpoint {
  readonly id: string;
  /** Changes whenever the checkpoint does: the id of its commit, or of its tree. */
  readonly version: ObjectId;
}

export interface Written {
  readonly id: string;
  /** The commit that holds it now. */
  readonly commit: ObjectId;
  /** False: all of it was there already, and nothing was written. */
  readonly changed: boolean;
  /** By session id. */
  readonly slots: ReadonlyMap<string, number>;
  /** Refs that are to be pushed. */
  readonly refs: readonly string[];
}

/** A checkpoint to write; its blobs are in the repository already, so that all layouts share them. */
export interface CheckpointInput {
  readonly id: string;
  readonly strategy: string;
  readonly cliVersion: string;
  readonly branch?: string;
  /** Further keys of the root, such as `linked_commits`. */
  readonly root?: Readonly<Record<string, unknown>>;
  /** The root of another layout that is carried over, counts and sums included: whole where none is stored, else over it. */
  readonly record?: RawObject;
  readonly sessions: readonly SessionInput[];
  readonly tasks?: readonly TaskInput[];
  /** Files and folders of another layout that the format does not know, beside the slots. */
  readonly others?: readonly TreeEntry[];
  /** Subject of the commit; default as the layout's readers know it. */
  readonly subject?: string;
  /** Who is named as author and committer; default the repository's identity, now. */
  readonly author?: {
    readonly name: string;
    readonly email: string;
    readonly atMs: number;
    readonly offset: string;
  };
}

export interface SessionInput {
  readonly sessionId: string;
  /** Keys of the session's `metadata.json` in any order; written in the specification's. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Metadata of another layout that is carried over: whole where the session has no slot yet, else over it; `metadata` goes over both. */
  readonly record?: RawObject;
  /** None beside a transcript: there is no prompt. None without one: what is stored stays. */
  readonly prompts: readonly string[];
  /** Absent: what is stored stays. */
  readonly transcript?: StoredText;
  /** Absent beside another transcript than the stored one: the stored one goes, since it is of the old. */
  readonly compact?: StoredText;
  readonly assets?: {
    /** Absent only where it is carried over without one. */
    readonly manifest?: ObjectId;
    readonly files: readonly { readonly name: string; readonly id: ObjectId }[];
  };
  /** Files and folders of another layout that the format does not know. */
  readonly others?: readonly TreeEntry[];
}

/** A text as blobs, chunk by chunk: joined with `\n` they are the whole. */
export interface StoredText {
  readonly chunks: readonly { readonly id: ObjectId; readonly bytes: number }[];
  /** Of the whole: `sha256:` and 64 hex digits. */
  readonly hash: string;
}

/** A subagent's record; a task that several agents worked on comes once for each. */
export interface TaskInput {
  readonly toolUseId: string;
  /** Keys of `task.json`, over what is stored. */
  readonly task: Readonly<Record<string, unknown>>;
  readonly agentId?: string;
  readonly transcript?: StoredText;
  /** Files and folders of another layout that the format does not know. */
  readonly others?: readonly TreeEntry[];
}

/** A checkpoint as it is stored: keys may be missing, and nothing is trusted. */
export interface StoredCheckpoint {
  readonly id: string;
  readonly version: ObjectId;
  readonly root: RawObject;
  /** By slot. */
  readonly sessions: readonly StoredSession[];
  readonly tasks: readonly StoredTask[];
  /** Files and folders that the format does not know, beside the slots. */
  readonly others: readonly TreeEntry[];
  /** Paths that have the place of something known and are not of its kind. */
  readonly strays: readonly string[];
  /** What is not as the format says; never a reason not to read. */
  readonly findings: readonly Finding[];
}

export interface StoredSession {
  readonly slot: number;
  readonly metadata: RawObject;
  readonly sessionId: string | undefined;
  readonly prompt: ObjectId | undefined;
  /** Chunks in their order. */
  readonly transcript: readonly ObjectId[];
  readonly compact: ObjectId | undefined;
  /** As stored; it may not fit. */
  readonly hash: string | undefined;
  /** The compact transcript's, which only v2 has. */
  readonly compactHash: string | undefined;
  /** With `manifest.json`. */
  readonly assets: readonly { readonly name: string; readonly id: ObjectId }[];
  /** Files and folders that the format does not know, such as `context.md` of old records. */
  readonly others: readonly TreeEntry[];
  /** Names that are the format's and not of the kind that it says. */
  readonly strays: readonly string[];
}

export interface StoredTask {
  readonly toolUseId: string;
  readonly task: RawObject;
  /** As the files are called: `agent-<id>.jsonl`, and further chunks of it. */
  readonly transcripts: readonly { readonly name: string; readonly id: ObjectId }[];
  /** Files and folders that the format does not know. */
  readonly others: readonly TreeEntry[];
}
