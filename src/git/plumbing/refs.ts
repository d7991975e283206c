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
}

/** The refs of a repository, whatever keeps them: files, packed-refs or reftable. */
export interface Refs {
  /** The object that a ref names, symbolic refs followed; null where there is none. */
  read(name: string): Promise<ObjectId | null>;
  /** All whose name begins so, sorted by name; a prefix ends in `/`. */
  list(prefix: string): Promise<readonly Ref[]>;
  /** `moved`: it was not as expected, and nothing was changed. */
  update(update: RefUpdate): Promise<"updated" | "moved">;
}
