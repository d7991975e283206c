/** What tells whose a slot is. */
export interface SlotOwner {
  readonly slot: number;
  /** undefined: nobody can tell, and so it is taken for another one's. */
  readonly sessionId: string | undefined;
  /** RFC 3339, with any offset. */
  readonly createdAt: string | undefined;
}

/** The slot of a session: its own, of two the one that was created later; a new session's follows the highest (section 2). */
export function slotFor(sessionId: string, owners: readonly SlotOwner[]): number {
  const own = owners.filter((owner) => owner.sessionId === sessionId);
  if (own.length > 0) return own.reduce(later).slot;
  return freeSlot(owners.map(({ slot }) => slot));
}

/** The number behind the highest that is taken; the lowest that is free where no reader would look for that one. */
export function freeSlot(taken: readonly number[]): number {
  const next = taken.reduce((highest, slot) => Math.max(highest, slot), -1) + 1;
  if (slotOfName(String(next)) === next) return next;
  const there = new Set(taken);
  let lowest = 0;
  while (there.has(lowest)) lowest += 1;
  return lowest;
}

/** One slot a session, by session id; slots whose session nobody can tell are left out. */
export function slotsBySession(owners: readonly SlotOwner[]): Map<string, number> {
  const bySession = new Map<string, SlotOwner>();
  for (const owner of owners) {
    if (owner.sessionId === undefined) continue;
    const other = bySession.get(owner.sessionId);
    bySession.set(owner.sessionId, other === undefined ? owner : later(other, owner));
  }
  return new Map([...bySession].map(([sessionId, { slot }]) => [sessionId, slot]));
}

/** The slot that a folder's name says; undefined where it is none. */
export function slotOfName(name: string): number | undefined {
  return /^(?:0|[1-9]\d{0,5})$/.test(name) ? Number(name) : undefined;
}

/** The slot in a path of the root's `sessions`, such as `/a3/b2c4d5e6f7/0/metadata.json` (section 2). */
export function slotOfPath(path: string): number | undefined {
  return slotOfName(path.split("/").at(-2) ?? "");
}

function later(a: SlotOwner, b: SlotOwner): SlotOwner {
  const [timeA, timeB] = [timeOf(a), timeOf(b)];
  if (timeA !== timeB) return timeA > timeB ? a : b;
  return a.slot > b.slot ? a : b;
}

function timeOf({ createdAt }: SlotOwner): number {
  const time = Date.parse(createdAt ?? "");
  return Number.isNaN(time) ? -Infinity : time;
}
