import type { PutBlobParams } from "../../core/store.ts";
import type { Query } from "./client.ts";
import type { LockedSession } from "./in-session.ts";

export async function putBlob(
  _session: LockedSession,
  _params: PutBlobParams,
): Promise<{ readonly blob: string }> {
  throw new Error("not built");
}

export async function getBlob(_query: Query, _params: { readonly blob: string }): Promise<Uint8Array | null> {
  throw new Error("not built");
}
