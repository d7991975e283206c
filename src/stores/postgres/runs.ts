import type { RunPage, RunsParams } from "../../core/run.ts";
import type { Query } from "./client.ts";

/** x */
export async function runs(_query: Query, _params: RunsParams): Promise<RunPage> {
  throw new Error("not built");
}
