import type { ScanParams } from "../../core/store.ts";
import type { Query } from "./client.ts";

/** x */
export async function* scan(_query: () => Query, _params: ScanParams): AsyncIterable<readonly string[]> {
  throw new Error("not built");
}
