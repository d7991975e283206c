import postgres from "postgres";
import { Place } from "../../src/stores/postgres/place.ts";
import { PostgresClient } from "../../src/stores/postgres/postgres-client.ts";

/** The driver's own client on the schema that a store's URL names. */
export function clientOn(url: string, connections = 4): PostgresClient {
  const { href, searchParams } = new URL(url);
  const { options } = postgres(href.split("?")[0]!, {
    max: connections,
    onnotice: () => {},
    fetch_types: false,
  });
  return new PostgresClient({
    options,
    place: new Place({ url: "postgres://test", schema: searchParams.get("schema")! }),
  });
}
