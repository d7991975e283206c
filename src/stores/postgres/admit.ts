import { checkTombstone } from "../../core/checks.ts";
import type { AdmitParams, AdmitResult, Input } from "../../core/input.ts";
import { inputConflict } from "../../core/work-checks.ts";
import { isCollision } from "./errors.ts";
import { inSession, type LockedSession, nowSql, type Writer } from "./in-session.ts";
import { allInputs } from "./input.ts";
import { recordChange } from "./record-change.ts";
import { findTombstone } from "./tombstone.ts";

/** Makes an input durable, once for its key. */
export async function admit(writer: Writer, params: AdmitParams): Promise<AdmitResult> {
  const { project, session } = params.session;
  const { key, body, provider = "unknown", priority = 0 } = params;
  const values = [project, session, writer.now(), key, body, provider, priority];
  const [made] = await writer.client.write<MadeRow>(newSql, ...values).catch((error: unknown) => {
    // A copy came first with the id that this one had just been given.
    if (isCollision(error)) return [];
    throw error;
  });
  if (made !== undefined) return { input: queued(params, made), admitted: true };
  return inSession(writer, { project, session }, (locked) => admitLocked(locked, params));
}

/** With the complete rules, where something stood in the way. */
async function admitLocked({ query, key, now }: LockedSession, params: AdmitParams): Promise<AdmitResult> {
  const { project, session } = key;
  const { key: name, body, provider = "unknown", priority = 0 } = params;
  const [tombstone, [known]] = await Promise.all([
    findTombstone(query, key),
    allInputs(query, "WHERE project = $1 AND session = $2 AND key = $3", project, session, name),
  ]);
  checkTombstone(tombstone, key, "unsealed");
  if (known !== undefined) {
    if (known.body !== body) throw inputConflict(known);
    return { input: known, admitted: false };
  }
  const [row] = await query<{ id: number }>(admitSql, project, session, now, name, body, provider, priority);
  const { id } = row!;
  await Promise.all([
    query(queueSql, project, session, id, priority),
    recordChange(query, { key, atMs: now, kind: "input", of: String(id) }),
  ]);
  return { input: queued(params, { id, now }), admitted: true };
}

interface MadeRow {
  readonly id: number;
  readonly now: number;
}

function queued(
  { session: { project, session }, key, body, provider = "unknown", priority = 0 }: AdmitParams,
  { id, now }: MadeRow,
): Input {
  const times = { admittedAtMs: now, updatedAtMs: now };
  return {
    id: String(id),
    key,
    project,
    session,
    body,
    provider,
    priority,
    state: "queued",
    attempts: 0,
    ...times,
  };
}

// Behind one of the same priority it is not the next, unless its id was given first.
const isNextSql = (id: string, priority: string): string => `
  l.next_priority IS NULL OR (${priority}, -${id}) > (l.next_priority, -l.next_input)`;
const admitSql = `
  INSERT INTO hf.input (project, session, admitted_at_ms, updated_at_ms, key, body, provider, priority, state)
  VALUES ($1, $2, $3, $3, $4, $5, $6, $7, 'queued') RETURNING id`;
const queueSql = `
  UPDATE hf.lane l SET next_input = $3, next_priority = $4
  WHERE project = $1 AND session = $2 AND (${isNextSql("$3::bigint", "$4::bigint")})`;
// In one round trip, if nothing stands in the way: the lane is still the one that this statement's snapshot shows, so that
// what else it looks at there is not older than the lock.
const newSql = `
  WITH t AS MATERIALIZED (SELECT ${nowSql("$3")} AS now),
  fresh AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('hf.input', 'id')) AS id
    WHERE NOT EXISTS (SELECT FROM hf.input WHERE project = $1 AND session = $2 AND key = $4)
      AND NOT EXISTS (SELECT FROM hf.tombstone WHERE project = $1 AND session = $2 AND sealed)),
  lane AS (
    INSERT INTO hf.lane AS l (project, session, next_input, next_priority) SELECT $1, $2, id, $7::bigint FROM fresh
    ON CONFLICT (project, session) DO UPDATE SET version = l.version + 1,
      next_input = CASE WHEN ${isNextSql("excluded.next_input", "excluded.next_priority")}
        THEN excluded.next_input ELSE l.next_input END,
      next_priority = CASE WHEN ${isNextSql("excluded.next_input", "excluded.next_priority")}
        THEN excluded.next_priority ELSE l.next_priority END
    WHERE l.version = (SELECT s.version FROM hf.lane s WHERE s.project = $1 AND s.session = $2)
    RETURNING version),
  input AS (
    INSERT INTO hf.input (id, project, session, admitted_at_ms, updated_at_ms, key, body, provider, priority, state)
    OVERRIDING SYSTEM VALUE SELECT id, $1, $2, now, now, $4, $5, $6, $7, 'queued' FROM lane, fresh, t),
  change AS (
    INSERT INTO hf.unnumbered (at_ms, kind, project, session, subject)
    SELECT now, 'input', $1, $2, id::text FROM lane, fresh, t)
  SELECT id, now FROM lane, fresh, t`;
