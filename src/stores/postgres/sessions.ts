import type { SessionPage, SessionsParams } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** x */
export async function sessions(_query: Query, _params: SessionsParams): Promise<SessionPage> {
  throw new Error("not built");
}
