import { liveLease } from "../../core/fence.ts";
import type { AdoptParams, Holding } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import { adoptInput } from "./adopt-input.ts";
import { adoptRow } from "./adopt-row.ts";
import { dropAsThere } from "./drop.ts";
import { endLease, epochOf, laneOf } from "./lane.ts";
import { recordAudit } from "./record-audit.ts";
import { adoptUsage } from "./record-usage.ts";
import { idOf, type State } from "./state.ts";

/** Takes what another store holds of a session. */
export function adopt(
  state: State,
  { session: { project, session }, holdings }: AdoptParams,
): { adopted: number } {
  return { adopted: holdings.filter((holding) => adoptOne(state, { project, session }, holding)).length };
}

function adoptOne(state: State, key: SessionKey, holding: Holding): boolean {
  switch (holding.kind) {
    case "tombstone":
      return dropAsThere(state, { ...holding.tombstone, ...key });
    case "row":
      return adoptRow(state, key, holding);
    case "epoch":
      return adoptEpoch(state, key, holding.epoch);
    case "input":
      return adoptInput(state, key, holding);
    case "usage":
      return adoptUsage(state, key, holding.row);
    case "audit":
      return adoptAudit(state, key, holding.row);
    case "blob":
      return false;
  }
}

// A live lease goes on under the epoch that it has.
function adoptEpoch(state: State, key: SessionKey, epoch: number): boolean {
  const known = state.lanes.get(idOf(key));
  if (known !== undefined && epochOf(known) >= epoch) return false;
  if (liveLease(key, known?.lease, state.clock.now()) !== null) return false;
  endLease(laneOf(state, key), epoch);
  return true;
}

function adoptAudit(
  state: State,
  key: SessionKey,
  { atMs, actor, verb, run, reason }: Extract<Holding, { kind: "audit" }>["row"],
): boolean {
  const isKnown = state.audit.some(
    (row) =>
      idOf(row) === idOf(key) &&
      row.atMs === atMs &&
      row.actor === actor &&
      row.verb === verb &&
      row.run === run &&
      row.reason === reason,
  );
  if (isKnown) return false;
  recordAudit(state, { key, atMs, actor, verb, run, reason });
  return true;
}
