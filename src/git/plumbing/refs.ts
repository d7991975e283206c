import type { ObjectId } from "./objects.ts";

export interface Ref {
  readonly name: string;
  readonly id: ObjectId;
}

/** A change of one ref, done only while it is as expected. */
export interface RefUpdate {
  readonly name: string;
  /** null deletes it. */
  readonly to: ObjectId | null;
  /** null: there must be none. */
  readonly from: ObjectId | null;
  /** For the reflog, where git keeps one; one line. */
  readonly reason?: string;
}

export interface ListOptions {
  /** Told the name of each ref of which `read` would throw `git_ref_damaged`. */
  readonly onDamaged?: (name: string) => void;
}

/** The refs of a repository, whatever keeps them: files, packed-refs or reftable. */
export interface Refs {
  /** The object that a ref names, symbolic refs followed; null where there is none. @throws git_ref_invalid, git_ref_damaged */
  read(name: string): Promise<ObjectId | null>;
  /** All whose name begins so, sorted by name; a prefix ends in `/`. Damaged ones are left out, as git does, and told. */
  list(prefix: string, options?: ListOptions): Promise<readonly Ref[]>;
  /**
   * `moved`: it was not as expected, and nothing was changed. What is updated is durable.
   * @throws git_ref_invalid, git_ref_conflict, git_ref_locked
   */
  update(update: RefUpdate): Promise<"updated" | "moved">;
}
