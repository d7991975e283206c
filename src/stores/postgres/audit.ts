import type { AuditParams, AuditRow } from "../../core/audit.ts";
import type { Query } from "./client.ts";

/** x */
export async function audit(_query: Query, _params: AuditParams): Promise<readonly AuditRow[]> {
  throw new Error("not built");
}
