import type { SessionKey } from "../../core/ids.ts";
import type { SessionRow } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** x */
export async function session(_query: Query, _params: SessionKey): Promise<SessionRow | null> {
  throw new Error("not built");
}
