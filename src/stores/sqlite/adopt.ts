import type { AdoptParams, Holding } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import { adoptInput } from "./adopt-input.ts";
import { adoptRow } from "./adopt-row.ts";
import type { Connection } from "./connection.ts";
import { dropAsThere } from "./drop.ts";
import { endLease, findLane, laneOf } from "./lane.ts";
import { liveLease } from "../../core/fence.ts";
import { recordAudit } from "./record-audit.ts";
import { adoptUsage } from "./record-usage.ts";

/** Takes what another store holds of a session, inside the caller's transaction. */
export function adopt(
  connection: Connection,
  { session: { project, session }, holdings }: AdoptParams,
  now: number,
): { adopted: number } {
  const key = { project, session };
  return { adopted: holdings.filter((holding) => adoptOne(connection, key, holding, now)).length };
}

function adoptOne(connection: Connection, key: SessionKey, holding: Holding, now: number): boolean {
  switch (holding.kind) {
    case "tombstone":
      return dropAsThere(connection, { ...holding.tombstone, ...key }, now);
    case "row":
      return adoptRow(connection, key, holding, now);
    case "epoch":
      return adoptEpoch(connection, key, holding.epoch, now);
    case "input":
      return adoptInput(connection, key, holding, now);
    case "usage":
      return adoptUsage(connection, key, holding.row);
    case "audit":
      return adoptAudit(connection, key, holding.row);
    case "blob":
      return false;
  }
}

// A live lease goes on under the epoch that it has.
function adoptEpoch(connection: Connection, key: SessionKey, epoch: number, now: number): boolean {
  const known = findLane(connection, key);
  if ((known?.epoch ?? 0) >= epoch || liveLease(key, known, now) !== null) return false;
  endLease(connection, laneOf(connection, key), epoch);
  return true;
}

function adoptAudit(
  connection: Connection,
  key: SessionKey,
  row: Extract<Holding, { kind: "audit" }>["row"],
): boolean {
  const { atMs, actor, verb, run, reason } = row;
  const same = [key.project, key.session, atMs, actor, verb, run ?? null, reason ?? null];
  if (connection.get(sameAuditSql, ...same) !== undefined) return false;
  recordAudit(connection, { key, atMs, actor, verb, run, reason });
  return true;
}

const sameAuditSql = `
  SELECT seq FROM audit WHERE project = ? AND session = ? AND at_ms = ? AND actor = ? AND verb = ? AND run IS ?
    AND reason IS ?`;
