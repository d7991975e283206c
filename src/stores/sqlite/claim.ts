import { claimedInput, nextAttempt } from "../../core/boundary.ts";
import type { Input } from "../../core/input.ts";
import type { Lease } from "../../core/lease.ts";
import type { Claim, ClaimParams } from "../../core/run.ts";
import type { Connection } from "./connection.ts";
import { findInput, saveClaimed } from "./input.ts";
import { insertedId } from "./inserted-id.ts";
import { type Lane, laneColumns, nextColumns } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { runIdOf, type StoredRun } from "./run.ts";
import { whereOf } from "./where.ts";

/** Begins a run on the next input, if there is one that may run. */
export function claim(connection: Connection, params: ClaimParams, now: number): Claim | null {
  const lane = nextLane<ReadyLane>(connection, readyColumns, params, now);
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
  saveClaimed(connection, input, { rowId, run });
  connection.run(openSql, lease.epoch, worker, now, lease.untilMs, rowId, rowId, lane.id);
  recordChange(connection, { key: lane, atMs: now, kind: "run", of: run.id });
  return { input, run, lease };
}

/** Whether a claim would find anything: a worker that waits for work takes no write lock. */
export function isReady(connection: Connection, params: ClaimParams, now: number): boolean {
  return nextLane(connection, "1", params, now) !== undefined;
}

interface ReadyLane extends Lane {
  readonly nextInput: number;
}

function nextLane<Row>(
  connection: Connection,
  columns: string,
  { project, session, providers, maxRunsPerProject }: ClaimParams,
  now: number,
): Row | undefined {
  const { where, values } = whereOf([
    [readySql, now],
    ["l.project = ?", project],
    ["l.session = ?", session],
    [providersSql, providers && JSON.stringify(providers)],
    [fewRunsSql, maxRunsPerProject],
  ]);
  return connection.get<Row>(`SELECT ${columns} FROM lane l ${where} ${orderSql}`, ...values);
}

function beginRun(connection: Connection, input: Input, { epoch, owner, sinceMs }: Lease): StoredRun {
  const { project, session } = input;
  const attempt = nextAttempt(input);
  const id = runIdOf(input.id, attempt);
  const number = Number(input.id);
  const revision = connection.get<{ revision: number }>(revisionSql, project, session)?.revision ?? 0;
  const values = [number, number, project, session, attempt, owner, epoch, revision, sinceMs];
  connection.run(beginSql, ...values);
  const times = { revision, startedAtMs: sinceMs, state: "running" as const };
  return {
    rowId: insertedId(connection),
    run: { id, project, session, input: input.id, attempt, worker: owner, epoch, ...times },
  };
}

// The index gives the lanes in turn, so that the first that may run ends the search.
const readyColumns = `${laneColumns}, next_input AS nextInput`;
const readySql = "next_input IS NOT NULL AND open_run IS NULL AND (owner IS NULL OR until_ms <= ?)";
const providersSql =
  "(SELECT provider FROM input WHERE id = l.next_input) IN (SELECT value FROM json_each(?))";
const fewRunsSql =
  "(SELECT count(*) FROM lane o WHERE o.running = 1 AND o.project = l.project AND o.open_run IS NOT NULL) < ?";
const orderSql = "ORDER BY next_priority DESC, served, next_input LIMIT 1";
const revisionSql = "SELECT revision FROM session WHERE project = ? AND session = ?";
const beginSql = `
  INSERT INTO run (input, previous, project, session, attempt, worker, epoch, revision, state, started_at_ms)
  VALUES (?, (SELECT run FROM input WHERE id = ?), ?, ?, ?, ?, ?, ?, 'running', ?)`;
// Its input is no longer queued, so that the next one is set anew in the same step.
const openSql = `
  UPDATE lane SET epoch = ?, owner = ?, since_ms = ?, until_ms = ?, open_run = ?, running = 1, served = ?, ${nextColumns}
  WHERE id = ?`;
