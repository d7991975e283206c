import { liveLease } from "../../core/fence.ts";
import type { AdoptParams, Holding } from "../../core/holdings.ts";
import { adoptAudit } from "./record-audit.ts";
import { adoptInputs } from "./adopt-input.ts";
import { adoptRow } from "./adopt-row.ts";
import { dropAsThere } from "./drop.ts";
import type { LockedSession } from "./in-session.ts";
import { endLease, findLane } from "./lane.ts";
import { adoptUsage } from "./record-usage.ts";

/** Takes what another store holds of a session; what there is many of in one statement, or in several sent together. */
export async function adopt(
  session: LockedSession,
  { holdings }: AdoptParams,
): Promise<{ readonly adopted: number }> {
  let adopted = 0;
  for (const holding of holdings) if (await adoptOne(session, holding)) adopted += 1;
  adopted += await adoptInputs(session, ofKind(holdings, "input"));
  adopted += await adoptUsage(
    session,
    ofKind(holdings, "usage").map(({ row }) => row),
  );
  adopted += await adoptAudit(
    session,
    ofKind(holdings, "audit").map(({ row }) => row),
  );
  return { adopted };
}

type OfKind<Kind extends Holding["kind"]> = Extract<Holding, { kind: Kind }>;

function ofKind<Kind extends Holding["kind"]>(holdings: readonly Holding[], kind: Kind): OfKind<Kind>[] {
  return holdings.filter((holding): holding is OfKind<Kind> => holding.kind === kind);
}

async function adoptOne(session: LockedSession, holding: Holding): Promise<boolean> {
  switch (holding.kind) {
    case "tombstone":
      return await dropAsThere(session, { ...holding.tombstone, ...session.key });
    case "row":
      return await adoptRow(session, holding);
    case "epoch":
      return await adoptEpoch(session, holding.epoch);
    case "input":
    case "usage":
    case "audit":
    case "blob":
      return false;
  }
}

// A live lease goes on under the epoch that it has.
async function adoptEpoch(session: LockedSession, epoch: number): Promise<boolean> {
  const { query, key, now } = session;
  const lane = await findLane(query, key);
  if ((lane?.epoch ?? 0) >= epoch || liveLease(key, lane, now) !== null) return false;
  await endLease(session, epoch);
  return true;
}
