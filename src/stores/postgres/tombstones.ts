import type { Tombstone, TombstonesParams } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** x */
export async function tombstones(_query: Query, _params: TombstonesParams): Promise<readonly Tombstone[]> {
  throw new Error("not built");
}
