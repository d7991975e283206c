import { makeFold } from "../agents/claude/fold.ts";
import type { Store } from "../core/store.ts";
import type { ReconcileParams } from "../runtime/reconcile.ts";
import type { FoldOf } from "../runtime/take-over.ts";
import { leaseOwner } from "./actor.ts";
import { type PricesOption, pricer } from "./price-table.ts";

/** How this program ends the runs of others. @throws usage for a price table that cannot be read */
export function recoveryOf(store: Store, options: PricesOption): Recovery {
  return { store, owner: leaseOwner(), foldOf, priceOf: pricer(options) };
}

type Recovery = Required<Pick<ReconcileParams, "store" | "owner" | "foldOf" | "priceOf">>;

/** How this program sums up a session of its agents. */
export const foldOf: FoldOf = ({ session: { project, session }, provider }) =>
  provider === "claude-code" ? makeFold({ projectKey: project, sessionId: session }, undefined) : undefined;
