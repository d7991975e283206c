import type { SessionKey } from "../../core/ids.ts";
import type { Tombstone } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** x */
export async function findTombstone(_query: Query, _params: SessionKey): Promise<Tombstone | undefined> {
  throw new Error("not built");
}
