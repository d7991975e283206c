import type { SessionKey } from "../../core/ids.ts";
import type { Input } from "../../core/input.ts";
import type { Query, Value } from "./client.ts";

/** One input of a session by its id. */
export async function findInput(
  query: Query,
  { project, session }: SessionKey,
  id: string,
): Promise<Input | undefined> {
  const rest = "WHERE project = $1 AND session = $2 AND id = $3";
  return (await allInputs(query, rest, project, session, numberOf(id)))[0];
}

/** All inputs of a query's rest. */
export async function allInputs(query: Query, rest: string, ...values: readonly Value[]): Promise<Input[]> {
  const rows = await query<InputRow>(`SELECT ${inputColumns} FROM hf.input ${rest}`, ...values);
  return rows.map(toInput);
}

/** Writes what changes in an input's life. */
export async function saveInput(query: Query, input: Input): Promise<void> {
  const { project, session, id, state, attempts, updatedAtMs, run, reason, cancelRequested = false } = input;
  const values = [state, attempts, updatedAtMs, run ?? null, reason ?? null, cancelRequested];
  await query(saveSql, project, session, numberOf(id), ...values);
}

/** An id as its row has it; one that is none finds nothing. */
export function numberOf(id: string): number {
  return /^[1-9]\d{0,15}$/.test(id) && Number.isSafeInteger(Number(id)) ? Number(id) : 0;
}

export interface InputRow extends Omit<Input, "id" | "run" | "reason" | "cancelRequested"> {
  readonly id: number;
  readonly run: string | null;
  readonly reason: string | null;
  readonly cancelRequested: boolean;
}

export function toInput({ id, run, reason, cancelRequested, ...row }: InputRow): Input {
  return {
    ...row,
    id: String(id),
    ...(run === null ? {} : { run }),
    ...(reason === null ? {} : { reason }),
    ...(cancelRequested ? { cancelRequested: true as const } : {}),
  };
}

/** What a query of inputs gives. */
export const inputColumns = `
  id, key, project, session, body, provider, priority, state, attempts, admitted_at_ms AS "admittedAtMs",
  updated_at_ms AS "updatedAtMs", run, reason, cancel_requested AS "cancelRequested"`;

const saveSql = `
  UPDATE hf.input SET state = $4, attempts = $5, updated_at_ms = $6, run = $7, reason = $8, cancel_requested = $9
  WHERE project = $1 AND session = $2 AND id = $3`;
