import type { SessionKey } from "./ids.ts";

/** What an operator or recovery decided; written in the same transaction as what it tells. */
export interface AuditRow extends SessionKey {
  readonly seq: number;
  readonly atMs: number;
  readonly actor: string;
  readonly verb:
    | "lease_cleared"
    | "input_cancelled"
    | "input_requeued"
    | "run_committed"
    | "run_interrupted"
    | "run_discarded"
    | "run_held"
    | "dropped";
  readonly run?: string;
  readonly reason?: string;
}

/** Newest first; `limit` is 1 to 1,000, default 50. */
export interface AuditParams {
  readonly session?: SessionKey;
  readonly limit?: number;
}
