import type { SessionKey } from "../../core/ids.ts";
import type { Client, Query } from "./client.ts";
import { isCollision } from "./errors.ts";
import { type Lane, laneColumns } from "./lane.ts";

/**
 * Runs the work in a transaction that holds the session's lock: what it reads there nobody else changes before it ends.
 * The work may run more than once.
 */
export async function inSession<Result>(
  { client, now }: Writer,
  key: SessionKey,
  work: (session: LockedSession) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.transaction(async (query) => {
        const [row] = await query<Lane & { now: number }>(lockSql, key.project, key.session, now());
        const { now: nowMs, ...lane } = row!;
        return work({ query, key, lane, now: nowMs });
      });
    } catch (error) {
      if (attempt >= maxAttempts || !isCollision(error)) throw error;
    }
  }
}

/** What a write needs of its store. */
export interface Writer {
  readonly client: Client;
  /** The test's time, or null for the server's own. */
  readonly now: () => number | null;
}

/** A session under its lock; `now` is the store's time of the transaction. */
export interface LockedSession {
  readonly query: Query;
  readonly key: SessionKey;
  /** As it was before the lock counted this write. */
  readonly lane: Lane;
  readonly now: number;
}

/** Milliseconds since 1970 by the server's clock, unless the statement was given a time. */
export const nowSql = (parameter: string): string =>
  `coalesce(${parameter}::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)`;

// Two sessions locked in opposite orders: the server ends one of them.
const maxAttempts = 5;

const lockSql = `
  INSERT INTO hf.lane AS l (project, session) VALUES ($1, $2)
  ON CONFLICT (project, session) DO UPDATE SET version = l.version + 1
  RETURNING ${laneColumns}, ${nowSql("$3")} AS now`;
