import { checkTombstone } from "../../core/checks.ts";
import type { AdmitParams, AdmitResult } from "../../core/input.ts";
import { inputConflict } from "../../core/work-checks.ts";
import type { Connection } from "./connection.ts";
import { firstInput } from "./input.ts";
import { insertedId } from "./inserted-id.ts";
import { recordChange } from "./record-change.ts";
import { findTombstone } from "./tombstone.ts";

/** Makes an input durable, once for its key. */
export function admit(connection: Connection, params: AdmitParams, now: number): AdmitResult {
  const { session: key, key: name, body, provider = "unknown", priority = 0 } = params;
  const { project, session } = key;
  checkTombstone(findTombstone(connection, key), key, "unsealed");
  const known = firstInput(connection, byKey, project, session, name);
  if (known !== undefined) {
    if (known.body !== body) throw inputConflict(known);
    return { input: known, admitted: false };
  }
  const values = [project, session, name, body, provider, priority, now, now];
  connection.run(admitSql, ...values);
  const id = insertedId(connection);
  connection.run(queueSql, project, session, id, priority);
  recordChange(connection, { key, atMs: now, kind: "input", of: String(id) });
  const times = { admittedAtMs: now, updatedAtMs: now };
  const input = {
    id: String(id),
    key: name,
    project,
    session,
    body,
    provider,
    priority,
    attempts: 0,
    ...times,
  };
  return { input: { ...input, state: "queued" }, admitted: true };
}

const byKey = "WHERE project = ? AND session = ? AND key = ?";
const admitSql = `
  INSERT INTO input (project, session, key, body, provider, priority, state, admitted_at_ms, updated_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, 'queued', ?, ?)`;
// Behind one of the same priority it is not the next.
const queueSql = `
  INSERT INTO lane (project, session, next_input, next_priority) VALUES (?, ?, ?, ?)
  ON CONFLICT (project, session) DO UPDATE
  SET next_input = excluded.next_input, next_priority = excluded.next_priority
  WHERE next_priority IS NULL OR next_priority < excluded.next_priority`;
