import { createHash } from "node:crypto";
import { checkTombstone } from "../../core/checks.ts";
import type { PutBlobParams } from "../../core/store.ts";
import { idOf, type State } from "./state.ts";

/** Keeps bytes once under their hash, and remembers which session needs them. */
export function putBlob(state: State, { session: key, bytes }: PutBlobParams): { blob: string } {
  const id = idOf(key);
  checkTombstone(state.tombstones.get(id), key);
  const blob = `sha256-${createHash("sha256").update(bytes).digest("hex")}`;
  const stored = state.blobs.get(blob) ?? {
    bytes: Uint8Array.from(bytes),
    holders: new Map<string, number>(),
  };
  stored.holders.set(id, state.clock.now());
  state.blobs.set(blob, stored);
  return { blob };
}

/** The bytes, or null where no session needs them any more. */
export function getBlob(state: State, { blob }: { readonly blob: string }): Uint8Array | null {
  const stored = state.blobs.get(blob);
  return stored === undefined ? null : stored.bytes.slice();
}
