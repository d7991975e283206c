import type { SessionKey } from "../../core/ids.ts";
import { greaterUsage, type RecordUsageParams, type UsageRow } from "../../core/usage.ts";
import { idOf, type State } from "./state.ts";

/** Counts the responses that are not counted yet. */
export function recordUsage(state: State, { session, rows }: RecordUsageParams): { added: number } {
  if (state.tombstones.has(idOf(session))) return { added: 0 };
  return { added: addUsage(state, session, rows) };
}

/** Adds the rows whose keys are new in the store, and says how many those were; of the others the greater stays. */
export function addUsage(state: State, key: SessionKey, rows: readonly UsageRow[]): number {
  const before = state.usage.size;
  for (const row of rows) {
    const known = state.usage.get(row.key);
    const kept = known === undefined ? row : greaterUsage(known.row, row);
    const session = known?.session ?? { project: key.project, session: key.session };
    state.usage.set(row.key, { session, row: { ...kept, tokens: { ...kept.tokens } } });
  }
  return state.usage.size - before;
}

/** Takes the usage of a response that another store has counted, and says whether that changed anything. */
export function adoptUsage(state: State, key: SessionKey, row: UsageRow): boolean {
  const known = state.usage.get(row.key)?.row;
  if (state.tombstones.has(idOf(key))) return false;
  if (known !== undefined && greaterUsage(known, row) === known) return false;
  addUsage(state, key, [row]);
  return true;
}
