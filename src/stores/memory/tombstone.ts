import type { SessionKey } from "../../core/ids.ts";
import type { Tombstone } from "../../core/store.ts";
import { idOf, type State } from "./state.ts";

/** What is left of a dropped session, if it was dropped. */
export function tombstone(state: State, key: SessionKey): Tombstone | null {
  const found = state.tombstones.get(idOf(key));
  return found === undefined ? null : { ...found };
}
