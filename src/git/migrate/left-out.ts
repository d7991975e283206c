import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import { currentSlots } from "../current-slots.ts";

/**
 * What is in a checkpoint and does not come over with its sessions and tasks, in words: slots that are not their
 * session's or no session's, what has a known name and another kind, and what cannot be read. What the other copy has too
 * is not among it.
 */
export function leftOutOf(stored: StoredCheckpoint, there: StoredCheckpoint | null): readonly string[] {
  const isThere = (finding: StoredCheckpoint["findings"][number]): boolean =>
    there?.findings.some(({ code, where }) => code === finding.code && where === finding.where) ?? false;
  const unread = stored.findings.filter((finding) => finding.severity === "error" && !isThere(finding));
  const strays = new Set(there?.strays);
  return [
    ...slotsLeftOut(stored, there),
    ...stored.strays.filter((name) => !strays.has(name)),
    ...stored.sessions.flatMap((session) => filesLeftOut(session, there)),
    ...unread.map(({ where, sentence }) => `${where} (${sentence})`),
  ];
}

function slotsLeftOut({ sessions }: StoredCheckpoint, there: StoredCheckpoint | null): readonly string[] {
  const current = currentSlots(sessions);
  return sessions
    .filter((session) => !current.has(session.slot) && sameSlot(session, there) === undefined)
    .map(({ slot, sessionId }) =>
      sessionId === undefined
        ? `slot ${slot} (it names no session)`
        : `slot ${slot} (its session ${sessionId} has a later one)`,
    );
}

function filesLeftOut(session: StoredSession, there: StoredCheckpoint | null): readonly string[] {
  const other =
    sameSlot(session, there) ?? there?.sessions.find((one) => one.sessionId === session.sessionId);
  const names = new Set(other?.strays);
  return session.strays.filter((name) => !names.has(name)).map((name) => `${session.slot}/${name}`);
}

function sameSlot(
  { sessionId, transcript }: StoredSession,
  there: StoredCheckpoint | null,
): StoredSession | undefined {
  const key = transcript.join(" ");
  return there?.sessions.find((one) => one.sessionId === sessionId && one.transcript.join(" ") === key);
}
