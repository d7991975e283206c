import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import type { RawObject } from "../format/raw-json.ts";

/** A session of a checkpoint by the name that its agent gave it. */
export interface NamedSession {
  readonly sessionId: string;
  readonly session: StoredSession;
}

/** The sessions of a checkpoint, of one that has two slots the later one first (section 2); a slot of none is told. */
export function namedSessions(
  { id, sessions }: StoredCheckpoint,
  problems: string[],
): readonly NamedSession[] {
  const named = sessions.flatMap((session) => {
    const sessionId = (session.sessionId ?? "").replace(/^\d{4}-\d{2}-\d{2}-(?=.)/, "");
    if (/^[\w][\w.:@+=-]{0,199}$/.test(sessionId)) return [{ sessionId, session }];
    problems.push(`${id}: its slot ${session.slot} does not say whose session it holds, and was left out.`);
    return [];
  });
  return named.toSorted((a, b) => timeOf(b.session.metadata) - timeOf(a.session.metadata));
}

/** When a session of a checkpoint was stored; 0 where it does not say. */
export function timeOf(metadata: RawObject): number {
  const atMs = Date.parse(metadata.text("created_at") ?? "");
  return Number.isNaN(atMs) || atMs < 0 ? 0 : atMs;
}
