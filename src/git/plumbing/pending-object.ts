import type { ObjectId, ObjectType } from "./objects.ts";

/** An object that waits to be written. */
export interface PendingObject {
  readonly id: ObjectId;
  readonly type: ObjectType;
  readonly content: Uint8Array;
}
