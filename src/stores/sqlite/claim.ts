import { claimedInput } from "../../core/boundary.ts";
import type { Input } from "../../core/input.ts";
import type { Lease } from "../../core/lease.ts";
import type { Claim, ClaimParams } from "../../core/run.ts";
import type { Connection } from "./connection.ts";
import { findInput, saveInput } from "./input.ts";
import { type Lane, laneColumns, nextColumns } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import type { StoredRun } from "./run.ts";
import { whereOf } from "./where.ts";

/** Begins a run on the next input, if there is one that may run. */
export function claim(connection: Connection, params: ClaimParams, now: number): Claim | null {
  const lane = nextLane(connection, params, now);
  if (lane === undefined) return null;
  const { project, session } = lane;
  const { worker, leaseMs } = params;
  const lease = {
    project,
    session,
    epoch: lane.epoch + 1,
    owner: worker,
    sinceMs: now,
    untilMs: now + leaseMs,
  };
  const queued = findInput(connection, String(lane.nextInput))!;
  const { rowId, run } = beginRun(connection, queued, lease);
  const input = claimedInput(queued, run.id, now);
  saveInput(connection, input);
  connection.run(openSql, lease.epoch, worker, now, lease.untilMs, rowId, rowId, lane.id);
  recordChange(connection, { key: lane, atMs: now, kind: "run", of: run.id });
  return { input, run, lease };
}

/** Whether a claim would find anything: a worker that waits for work takes no write lock. */
export function isReady(connection: Connection, params: ClaimParams, now: number): boolean {
  return nextLane(connection, params, now) !== undefined;
}

interface ReadyLane extends Lane {
  readonly nextInput: number;
}

function nextLane(
  connection: Connection,
  { project, session, providers, maxRunsPerProject }: ClaimParams,
  now: number,
): ReadyLane | undefined {
  const { where, values } = whereOf([
    [readySql, now],
    ["l.project = ?", project],
    ["l.session = ?", session],
    [providersSql, providers && JSON.stringify(providers)],
    [fewRunsSql, maxRunsPerProject],
  ]);
  return connection.get<ReadyLane>(`${laneSql} ${where} ${orderSql}`, ...values);
}

function beginRun(connection: Connection, input: Input, { epoch, owner, sinceMs }: Lease): StoredRun {
  const { project, session } = input;
  const attempt = input.attempts + 1;
  const id = `${input.id}.${attempt}`;
  const values = [id, Number(input.id), project, session, attempt, owner, epoch, project, session, sinceMs];
  const made = connection.get<{ rowId: number; revision: number }>(beginSql, ...values)!;
  const { revision } = made;
  const times = { revision, startedAtMs: sinceMs, state: "running" as const };
  return {
    rowId: made.rowId,
    run: { id, project, session, input: input.id, attempt, worker: owner, epoch, ...times },
  };
}

// The index gives the lanes in turn, so that the first that may run ends the search.
const laneSql = `SELECT ${laneColumns}, next_input AS nextInput FROM lane l`;
const readySql = "next_input IS NOT NULL AND open_run IS NULL AND (owner IS NULL OR until_ms <= ?)";
const providersSql =
  "(SELECT provider FROM input WHERE id = l.next_input) IN (SELECT value FROM json_each(?))";
const fewRunsSql = "(SELECT count(*) FROM lane o WHERE o.project = l.project AND o.running = 1) < ?";
const orderSql = "ORDER BY next_priority DESC, served, next_input LIMIT 1";
const beginSql = `
  INSERT INTO run (name, input, project, session, attempt, worker, epoch, revision, state, started_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?,
    coalesce((SELECT revision FROM session WHERE project = ? AND session = ?), 0), 'running', ?)
  RETURNING id AS rowId, revision`;
// Its input is no longer queued, so that the next one is set anew in the same step.
const openSql = `
  UPDATE lane SET epoch = ?, owner = ?, since_ms = ?, until_ms = ?, open_run = ?, running = 1, served = ?, ${nextColumns}
  WHERE id = ?`;
