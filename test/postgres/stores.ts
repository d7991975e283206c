import type { Clock } from "../../src/core/clock.ts";
import type { Store } from "../../src/core/store.ts";
import { openPostgresStore } from "../../src/stores/postgres/index.ts";
import { oneSchema } from "./one-schema.ts";

/** Opens empty stores on the run's server; after some more the first is closed, and its schema given again. */
export function postgresStores(): PostgresStores {
  const schemas = Array.from({ length: 4 }, () => oneSchema());
  const opened: { url: string; stores: Store[] }[] = [];
  let count = 0;
  const openAt = async (url: string, clock?: Clock): Promise<Store> =>
    await openPostgresStore({ url, connections: 4, ...(clock && { clock }) });
  return {
    open: async (clock) => {
      const index = count % schemas.length;
      count += 1;
      await Promise.all(opened[index]?.stores.map((store) => store.close()) ?? []);
      const url = await schemas[index]!.emptied();
      const store = await openAt(url, clock);
      opened[index] = { url, stores: [store] };
      return store;
    },
    again: async (store, clock) => {
      const place = opened.find(({ stores }) => stores.some(({ url }) => url === store.url))!;
      const another = await openAt(place.url, clock);
      place.stores.push(another);
      return another;
    },
  };
}

export interface PostgresStores {
  readonly open: (clock?: Clock) => Promise<Store>;
  /** Another handle on the same store. */
  readonly again: (store: Store, clock?: Clock) => Promise<Store>;
}
