import { lengthOf } from "../../core/entry.ts";
import { isOwnLog } from "../../core/ids.ts";
import { displace, place } from "./recent.ts";
import { recordChange } from "./record-change.ts";
import { idOf, type State, type StoredSession } from "./state.ts";

/** Makes the staged entries of a log visible, and counts them. */
export function publish(state: State, session: StoredSession, name: string, now: number): void {
  const log = session.logs.get(name)!;
  const from = log.committed + 1;
  const added = log.entries.slice(log.committed);
  const length = lengthOf(added);
  log.committed += added.length;
  log.length += length;
  session.staged.delete(name);
  if (!isOwnLog(name))
    show(state, session, () => {
      session.entries += added.length;
      session.length += length;
      session.updatedAtMs = Math.max(session.updatedAtMs, added.at(-1)!.atMs);
    });
  recordChange(state, { key: session, atMs: now, kind: "appended", log: name, from, to: log.committed });
}

/** Changes a session's row, and makes it visible for good. */
export function show(state: State, session: StoredSession, change: () => void): void {
  if (session.visible) displace(state, session);
  change();
  session.visible = true;
  state.tombstones.delete(idOf(session));
  place(state, session);
}
