import type { SQLInputValue } from "node:sqlite";
import type { Input, InputState } from "../../core/input.ts";
import type { Connection } from "./connection.ts";
import { runIdOf, type StoredRun } from "./run.ts";

/** One input by its id. */
export function findInput(connection: Connection, id: string): Input | undefined {
  return connection.tuples<InputColumns>(byIdSql, numberOf(id)).map(toInput)[0];
}

/** The first input of a query's rest. */
export function firstInput(
  connection: Connection,
  rest: string,
  ...values: SQLInputValue[]
): Input | undefined {
  return allInputs(connection, rest, ...values)[0];
}

/** All inputs of a query's rest. */
export function allInputs(connection: Connection, rest: string, ...values: SQLInputValue[]): Input[] {
  return connection.tuples<InputColumns>(`${inputSql} ${rest}`, ...values).map(toInput);
}

/** Writes what changes in an input's life, but for its claim. */
export function saveInput(connection: Connection, input: Input): void {
  const { id, state, attempts, updatedAtMs, reason, cancelRequested } = input;
  const asked = cancelRequested === true ? 1 : 0;
  connection.run(saveSql, state, attempts, updatedAtMs, reason ?? null, asked, numberOf(id));
}

/** Writes that an input's run began, by the run's row. */
export function saveClaimed(
  connection: Connection,
  { id, state, attempts, updatedAtMs }: Input,
  { rowId, run }: StoredRun,
): void {
  connection.run(claimedSql, state, attempts, updatedAtMs, rowId, run.attempt, numberOf(id));
}

/** An id as its row has it; one that is none finds nothing. */
export function numberOf(id: string): number {
  return /^[1-9]\d{0,15}$/.test(id) ? Number(id) : 0;
}

type InputColumns = readonly [
  id: number,
  key: string,
  project: string,
  session: string,
  body: string,
  provider: string,
  priority: number,
  state: InputState,
  attempts: number,
  admittedAtMs: number,
  updatedAtMs: number,
  lastAttempt: number | null,
  reason: string | null,
  cancelRequested: number,
];

// Named one by one: a spread of what the driver gives costs more than its query.
function toInput(columns: InputColumns): Input {
  const [id, key, project, session, body, provider, priority, state, attempts, ...rest] = columns;
  const [admittedAtMs, updatedAtMs, lastAttempt, reason, cancelRequested] = rest;
  return {
    id: String(id),
    key,
    project,
    session,
    body,
    provider,
    priority,
    state,
    attempts,
    admittedAtMs,
    updatedAtMs,
    ...(lastAttempt === null ? {} : { run: runIdOf(id, lastAttempt) }),
    ...(reason === null ? {} : { reason }),
    ...(cancelRequested === 0 ? {} : { cancelRequested: true as const }),
  };
}

const inputSql = `
  SELECT id, key, project, session, body, provider, priority, state, attempts, admitted_at_ms, updated_at_ms,
    last_attempt, reason, cancel_requested FROM input`;
const byIdSql = `${inputSql} WHERE id = ?`;
const saveSql = `
  UPDATE input SET state = ?, attempts = ?, updated_at_ms = ?, reason = ?, cancel_requested = ? WHERE id = ?`;
const claimedSql =
  "UPDATE input SET state = ?, attempts = ?, updated_at_ms = ?, run = ?, last_attempt = ? WHERE id = ?";
