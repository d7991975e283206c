import type { SQLInputValue } from "node:sqlite";
import type { Input } from "../../core/input.ts";
import type { Connection } from "./connection.ts";

/** One input by its id. */
export function findInput(connection: Connection, id: string): Input | undefined {
  return firstInput(connection, "WHERE id = ?", numberOf(id));
}

/** The first input of a query's rest. */
export function firstInput(
  connection: Connection,
  rest: string,
  ...values: SQLInputValue[]
): Input | undefined {
  const row = connection.get<InputRow>(`${inputSql} ${rest}`, ...values);
  return row && toInput(row);
}

/** All inputs of a query's rest. */
export function allInputs(connection: Connection, rest: string, ...values: SQLInputValue[]): Input[] {
  return connection.all<InputRow>(`${inputSql} ${rest}`, ...values).map(toInput);
}

/** Writes what changes in an input's life. */
export function saveInput(connection: Connection, input: Input): void {
  const { id, state, attempts, updatedAtMs, run, reason, cancelRequested } = input;
  const asked = cancelRequested === true ? 1 : 0;
  connection.run(saveSql, state, attempts, updatedAtMs, run ?? null, reason ?? null, asked, numberOf(id));
}

/** An id as its row has it; one that is none finds nothing. */
export function numberOf(id: string): number {
  return /^[1-9]\d{0,15}$/.test(id) ? Number(id) : 0;
}

interface InputRow extends Omit<Input, "id" | "run" | "reason" | "cancelRequested"> {
  readonly id: number;
  readonly run: string | null;
  readonly reason: string | null;
  readonly cancelRequested: number;
}

function toInput({ id, run, reason, cancelRequested, ...row }: InputRow): Input {
  return {
    ...row,
    id: String(id),
    ...(run === null ? {} : { run }),
    ...(reason === null ? {} : { reason }),
    ...(cancelRequested === 0 ? {} : { cancelRequested: true as const }),
  };
}

const inputSql = `
  SELECT id, key, project, session, body, provider, priority, state, attempts, admitted_at_ms AS admittedAtMs,
    updated_at_ms AS updatedAtMs, run, reason, cancel_requested AS cancelRequested FROM input`;
const saveSql = `
  UPDATE input SET state = ?, attempts = ?, updated_at_ms = ?, run = ?, reason = ?, cancel_requested = ? WHERE id = ?`;
