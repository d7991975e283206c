import type { Holding } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import { setResume } from "./describe.ts";
import { displace, place } from "./recent.ts";
import { recordChange } from "./record-change.ts";
import { toSessionRow } from "./session.ts";
import { type State, type StoredSession, visibleSession } from "./state.ts";

/** Makes a session's row the one that another store has, but for what its own entries tell. */
export function adoptRow(
  state: State,
  key: SessionKey,
  { row, titleByUser }: Extract<Holding, { kind: "row" }>,
): boolean {
  const stored = visibleSession(state, key);
  if (stored === undefined) return false;
  const before = textOf(stored);
  const { provider, title, labels, createdAtMs, updatedAtMs, revision } = row;
  // A summary of other entries than are here would never be told from one of these.
  const summary = row.mainHead === stored.mainHead ? row.summary : null;
  const summaryHead = summary === null ? 0 : row.mainHead;
  const named = { provider, title, titleByUser, labels: { ...labels } };
  displace(state, stored);
  Object.assign(stored, { ...named, summary, summaryHead, createdAtMs, updatedAtMs, revision });
  place(state, stored);
  setResume(state, stored, row.resumeKey, row.resumeToken);
  if (textOf(stored) === before) return false;
  recordChange(state, { key, atMs: state.clock.now(), kind: "described" });
  return true;
}

function textOf(stored: StoredSession): string {
  return JSON.stringify([toSessionRow(stored), stored.titleByUser]);
}
