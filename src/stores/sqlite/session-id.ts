import type { SessionKey } from "../../core/ids.ts";
import type { Connection } from "./connection.ts";

/** The row of a session, made where there is none; nobody sees it before something of it is published. */
export function sessionIdOf(
  connection: Connection,
  { project, session }: SessionKey,
  made: NewSession,
): number {
  const found = connection.get<{ id: number }>(sessionSql, project, session);
  if (found !== undefined) return found.id;
  const { provider, atMs } = made;
  return connection.get<{ id: number }>(createSql, project, session, provider, atMs, atMs)!.id;
}

interface NewSession {
  readonly provider: string;
  readonly atMs: number;
}

const sessionSql = "SELECT id FROM session WHERE project = ? AND session = ?";
const createSql = `
  INSERT INTO session (project, session, provider, created_at_ms, updated_at_ms, hidden)
  VALUES (?, ?, ?, ?, ?, 1) RETURNING id`;
