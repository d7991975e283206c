import type { MigrateResult } from "../../core/store.ts";

/** The one schema that a memory store is born with. */
export const memorySchema = 1;

/** There is never anything to migrate in memory. */
export function migrate(): MigrateResult {
  return { from: memorySchema, to: memorySchema };
}
