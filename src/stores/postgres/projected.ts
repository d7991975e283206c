import type { ProjectedParams } from "../../core/projection.ts";
import type { Query } from "./client.ts";

/** A projection's document of a session. */
export async function projected(
  query: Query,
  { projection, session: key }: ProjectedParams,
): Promise<string | null> {
  const [row] = await query<{ body: string }>(bodySql, key.project, key.session, projection);
  return row?.body ?? null;
}

const bodySql = "SELECT body FROM hf.document WHERE project = $1 AND session = $2 AND projection = $3";
