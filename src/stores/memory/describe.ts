import { checkHead, unknownSession } from "../../core/checks.ts";
import type { DescribeParams, SessionRow } from "../../core/store.ts";
import { recordChange } from "./record-change.ts";
import { toSessionRow } from "./session.ts";
import { type State, type StoredSession, visibleSession } from "./state.ts";

/** Changes a session's title, labels, summary or how it is resumed. */
export function describe(state: State, params: DescribeParams): SessionRow {
  const { session: key, title, labels, summary, resume } = params;
  const stored = visibleSession(state, key);
  if (stored === undefined) throw unknownSession(key);
  if (summary !== undefined) checkHead(summary.head, stored.mainHead, { ...key, log: "" });
  if (title !== undefined) Object.assign(stored, { title, titleByUser: title !== null });
  if (labels !== undefined) stored.labels = merged(stored.labels, labels);
  if (summary !== undefined) Object.assign(stored, { summary: summary.data, summaryHead: summary.head });
  if (resume !== undefined) setResume(state, stored, resume?.key ?? null, resume?.token ?? null);
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

/** Sets what the session is resumed by; another session of the project that has the key loses it. */
export function setResume(
  state: State,
  session: StoredSession,
  key: string | null,
  token: string | null,
): void {
  const others = key === null ? [] : state.recent.filter(({ resumeKey }) => resumeKey === key);
  for (const other of others) if (other.project === session.project) other.resumeKey = null;
  Object.assign(session, { resumeKey: key, resumeToken: token });
}
