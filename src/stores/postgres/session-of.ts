import type { LockedSession } from "./in-session.ts";
import { eighthSql } from "./updated.ts";

/** Makes the row of a session where there is none; nobody sees it before something of it is published. */
export async function ensureSession(
  { query, key }: LockedSession,
  { provider, atMs }: NewSession,
): Promise<void> {
  await query(createSql, key.project, key.session, provider, atMs);
}

interface NewSession {
  readonly provider: string;
  readonly atMs: number;
}

const createSql = `
  INSERT INTO hf.session (project, session, provider, created_at_ms, updated_at_ms, updated_eighth)
  VALUES ($1, $2, $3, $4, $4, ${eighthSql("$4::bigint")})
  ON CONFLICT (project, session) DO NOTHING`;
