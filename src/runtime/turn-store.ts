import type { TurnStore } from "../core/agent.ts";
import type { Fence } from "../core/lease.ts";
import type { Store } from "../core/store.ts";

export interface TurnStoreParams {
  readonly store: Store;
  readonly fence: Fence;
  /** The run was ended by its own worker. */
  readonly isOver: () => boolean;
}

/** What a turn is given of the store: until its run has ended it appends under its lease, so that none appends beside another one's. */
export function turnStore({ store, fence, isOver }: TurnStoreParams): TurnStore {
  return {
    read: (params) => store.read(params),
    scan: (params) => store.scan(params),
    logs: (key) => store.logs(key),
    session: (key) => store.session(key),
    run: (params) => store.run(params),
    runs: (params) => store.runs(params),
    append: (params) => store.append(isOver() ? params : { fence, ...params }),
    putBlob: (params) => store.putBlob(params),
    getBlob: (params) => store.getBlob(params),
  };
}
