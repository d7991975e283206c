import { checkLimit } from "../../core/checks.ts";
import type { KeysParams } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import { idOf, type State } from "./state.ts";

/** The sessions of which anything is held, by name. */
export function keys(state: State, { project, after, limit = 100 }: KeysParams): SessionKey[] {
  checkLimit(limit, 1000);
  const named = new Map(allKeys(state).map((key) => [idOf(key), key]));
  return [...named.values()]
    .filter((key) => project === undefined || key.project === project)
    .filter((key) => after === undefined || byName(after, key) < 0)
    .toSorted(byName)
    .slice(0, limit)
    .map(({ project: own, session }) => ({ project: own, session }));
}

function allKeys(state: State): SessionKey[] {
  const holders = [...state.blobs.values()].flatMap((blob) => [...blob.holders.keys()]);
  return [
    ...state.sessions.values(),
    ...state.tombstones.values(),
    ...state.lanes.values(),
    ...[...state.usage.values()].map((row) => row.session),
    ...holders.map(keyOf),
    ...state.audit,
  ];
}

function keyOf(id: string): SessionKey {
  const [project, session] = JSON.parse(id) as [string, string];
  return { project, session };
}

function byName(a: SessionKey, b: SessionKey): number {
  return compare(a.project, b.project) || compare(a.session, b.session);
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
