import type { AppendParams, AppendResult } from "../../core/store.ts";
import type { Writer } from "./in-session.ts";
import type { KnownLogs } from "./known-logs.ts";

/** x */
export async function append(
  _writer: Writer,
  _known: KnownLogs,
  _params: AppendParams,
): Promise<AppendResult> {
  throw new Error("not built");
}
