import type { SessionKey } from "../../core/ids.ts";
import type { LogRow } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** x */
export async function logs(_query: Query, _params: SessionKey): Promise<readonly LogRow[]> {
  throw new Error("not built");
}
