import type { TurnStore } from "../core/agent.ts";
import type { Fence } from "../core/lease.ts";
import type { Store } from "../core/store.ts";
import type { PriceOf } from "./run-events.ts";

export interface TurnStoreParams {
  readonly store: Store;
  readonly fence: Fence;
  /** The run was ended by its own worker, and its agent has come to its end. */
  readonly isOver: () => boolean;
  readonly priceOf?: PriceOf | undefined;
}

/** What a turn is given of the store: until its run has ended it appends under its lease, so that none appends beside another one's. */
export function turnStore({ store, fence, isOver, priceOf = () => null }: TurnStoreParams): TurnStore {
  return {
    read: (params) => store.read(params),
    scan: (params) => store.scan(params),
    logs: (key) => store.logs(key),
    session: (key) => store.session(key),
    run: (params) => store.run(params),
    runs: (params) => store.runs(params),
    append: (params) => store.append(isOver() ? params : { fence, ...params }),
    recordUsage: ({ session, rows }) =>
      store.recordUsage({
        session,
        rows: rows.map((row) => ({ ...row, microDollars: row.microDollars ?? priceOf(row) })),
      }),
    putBlob: (params) => store.putBlob(params),
    getBlob: (params) => store.getBlob(params),
  };
}
