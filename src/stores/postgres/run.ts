import type { Run } from "../../core/run.ts";
import type { Query } from "./client.ts";

/** x */
export async function run(_query: Query, _params: { readonly run: string }): Promise<Run | null> {
  throw new Error("not built");
}
