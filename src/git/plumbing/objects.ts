/** A hash as lower-case hex: 40 digits in a SHA-1 repository, 64 in a SHA-256 one. */
export type ObjectId = string;

export type ObjectType = "blob" | "tree" | "commit" | "tag";

/** One entry of a tree; a mode as git writes it, without a leading zero. */
export interface TreeEntry {
  readonly mode: "100644" | "100755" | "120000" | "40000" | "160000";
  /** Where it is no UTF-8, each byte above 0x7f stands as a lone surrogate, U+DC80 to U+DCFF. */
  readonly name: string;
  readonly id: ObjectId;
  /** It was read under a name that would not be written here: it is carried along as it is, and is nobody's file. */
  readonly isForeign?: true;
}

/** Who made a commit, and when, in whole seconds, with the offset of his clock. */
export interface Identity {
  readonly name: string;
  readonly email: string;
  readonly atMs: number;
  /** As git writes it: `+0200`. */
  readonly offset: string;
}

export interface Commit {
  readonly tree: ObjectId;
  readonly parents: readonly ObjectId[];
  readonly author: Identity;
  readonly committer: Identity;
  readonly message: string;
}

/**
 * Reads objects of a repository, packed, borrowed from another one, or promised by a remote. An object whose header is
 * damaged is as good as none, as git has it; one whose content is damaged fails with `git_object_invalid`, and one that
 * the remote of a partial clone does not give with `git_object_unfetched`.
 */
export interface ObjectReader {
  /** Type and size in bytes without the content; null where there is none. */
  header(id: ObjectId): Promise<{ readonly type: ObjectType; readonly size: number } | null>;
  /** The content, refused above `maxBytes` with `git_object_too_large` before it is read; null where there is none. */
  blob(id: ObjectId, limit: { readonly maxBytes: number }): Promise<Buffer | null>;
  tree(id: ObjectId): Promise<readonly TreeEntry[] | null>;
  commit(id: ObjectId): Promise<Commit | null>;
}

/** Objects that are written together; ids are known at once, and nothing is durable before `flush` has resolved. */
export interface ObjectBatch {
  blob(content: Uint8Array): ObjectId;
  /** Entries in any order: they are sorted as git does. */
  tree(entries: readonly TreeEntry[]): ObjectId;
  commit(commit: Commit): ObjectId;
  flush(): Promise<void>;
}
