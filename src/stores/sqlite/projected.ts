import type { ProjectedParams } from "../../core/projection.ts";
import type { Connection } from "./connection.ts";

/** A projection's document of a session. */
export function projected(
  connection: Connection,
  { projection, session: key }: ProjectedParams,
): string | null {
  return connection.get<{ body: string }>(bodySql, projection, key.project, key.session)?.body ?? null;
}

const bodySql = "SELECT body FROM document WHERE projection = ? AND project = ? AND session = ?";
