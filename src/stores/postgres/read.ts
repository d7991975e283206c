import type { ReadParams, ReadResult } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** x */
export async function read(_query: Query, _params: ReadParams): Promise<ReadResult> {
  throw new Error("not built");
}
