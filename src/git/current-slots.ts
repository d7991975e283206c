import type { StoredSession } from "./checkpoint-store.ts";
import { slotsBySession } from "./format/slots.ts";

/** The slots that count: one for each session, of two the later; those that name no session are not among them (section 2). */
export function currentSlots(sessions: readonly StoredSession[]): ReadonlySet<number> {
  const owners = sessions.map(({ slot, sessionId, metadata }) => ({
    slot,
    sessionId,
    createdAt: metadata.text("created_at"),
  }));
  return new Set(slotsBySession(owners).values());
}
