import type { StoreHealth } from "../../core/store.ts";
import type { Client } from "./client.ts";
import type { Place } from "./place.ts";

/** x */
export async function health(_client: Client, _place: Place, _deep: boolean): Promise<StoreHealth> {
  throw new Error("not built");
}
