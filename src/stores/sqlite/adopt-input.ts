import { type Holding, isFinal } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Input } from "../../core/input.ts";
import type { Run } from "../../core/run.ts";
import type { Connection } from "./connection.ts";
import { findInput, numberOf } from "./input.ts";
import { insertedId } from "./inserted-id.ts";
import { laneOf } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { findRun, saveRun } from "./run.ts";

/** Takes an input that has ended under its own id, with its runs, unless a name is taken; its id is never given again. */
export function adoptInput(
  connection: Connection,
  key: SessionKey,
  { input, runs }: Extract<Holding, { kind: "input" }>,
  now: number,
): boolean {
  const id = numberOf(input.id);
  if (id === 0) return false;
  // The session's own logs carry the id, so another input under it would go on with this one's steps.
  connection.run(
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'input', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'input')",
  );
  connection.run("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'input'", id);
  if (!isFinal(input) || isTaken(connection, key, input, runs)) return false;
  const { key: name, body, provider, priority, state, attempts, admittedAtMs, updatedAtMs, reason } = input;
  const asked = input.cancelRequested === true ? 1 : 0;
  const last = insertRuns(connection, key, id, runs);
  const life = [
    state,
    attempts,
    admittedAtMs,
    updatedAtMs,
    last,
    runs.at(-1)?.attempt ?? null,
    reason ?? null,
  ];
  connection.run(inputSql, id, key.project, key.session, name, body, provider, priority, ...life, asked);
  laneOf(connection, key);
  recordChange(connection, { key, atMs: now, kind: "input", of: input.id });
  return true;
}

function isTaken(
  connection: Connection,
  { project, session }: SessionKey,
  { id, key }: Input,
  runs: readonly Run[],
): boolean {
  if (findInput(connection, id) !== undefined) return true;
  if (
    connection.get(
      "SELECT id FROM input WHERE project = ? AND session = ? AND key = ?",
      project,
      session,
      key,
    )
  )
    return true;
  return runs.some((run) => findRun(connection, run.id) !== undefined);
}

// They ended in the other store: each row is complete at once, as the file demands of one that is closed.
function insertRuns(
  connection: Connection,
  { project, session }: SessionKey,
  input: number,
  runs: readonly Run[],
): number | null {
  let previous: number | null = null;
  for (const run of runs) {
    const { attempt, worker, epoch, revision, startedAtMs } = run;
    connection.run(runSql, input, previous, project, session, attempt, worker, epoch, revision, startedAtMs);
    previous = insertedId(connection);
    saveRun(connection, previous, run);
  }
  return previous;
}

const inputSql = `
  INSERT INTO input (id, project, session, key, body, provider, priority, state, attempts, admitted_at_ms, updated_at_ms,
    run, last_attempt, reason, cancel_requested) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const runSql = `
  INSERT INTO run (input, previous, project, session, attempt, worker, epoch, revision, state, started_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)`;
