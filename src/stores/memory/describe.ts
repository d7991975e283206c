import { checkHead, unknownSession } from "../../core/checks.ts";
import type { DescribeParams, SessionRow } from "../../core/store.ts";
import { recordChange } from "./record-change.ts";
import { toSessionRow } from "./session.ts";
import { idOf, type State } from "./state.ts";

/** Changes a session's title, labels or summary. */
export function describe(state: State, { session: key, title, labels, summary }: DescribeParams): SessionRow {
  const stored = state.sessions.get(idOf(key));
  if (stored === undefined) throw unknownSession(key);
  if (summary !== undefined) checkHead(summary.head, stored.mainHead, { ...key, log: "" });
  if (title !== undefined) Object.assign(stored, { title, titleByUser: title !== null });
  if (labels !== undefined) stored.labels = merged(stored.labels, labels);
  if (summary !== undefined) Object.assign(stored, { summary: summary.data, summaryHead: summary.head });
  recordChange(state, { key, atMs: state.clock.now(), kind: "described" });
  return toSessionRow(stored);
}

function merged(
  known: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const pairs = Object.entries({ ...known, ...labels });
  return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== null));
}
