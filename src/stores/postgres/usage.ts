import type { UsageGroup, UsageParams } from "../../core/usage.ts";
import type { Query } from "./client.ts";

/** x */
export async function usage(_query: Query, _params: UsageParams): Promise<readonly UsageGroup[]> {
  throw new Error("not built");
}
