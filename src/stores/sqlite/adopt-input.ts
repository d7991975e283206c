import { type Holding, isFinal, laterRuns } from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Input } from "../../core/input.ts";
import type { Run } from "../../core/run.ts";
import type { Connection } from "./connection.ts";
import { findInput, numberOf, saveInput } from "./input.ts";
import { insertedId } from "./inserted-id.ts";
import { laneOf } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { findRun, saveRun } from "./run.ts";

type InputHolding = Extract<Holding, { kind: "input" }>;

/**
 * Takes an input that has ended under its own id, with its runs, unless a name is taken; its id is never given again.
 * One that is abandoned here, and was queued again there, goes on as it did there.
 */
export function adoptInput(
  connection: Connection,
  key: SessionKey,
  holding: InputHolding,
  now: number,
): boolean {
  const { input, runs } = holding;
  const id = numberOf(input.id);
  if (id === 0) return false;
  // The session's own logs carry the id, so another input under it would go on with this one's steps.
  connection.run(
    "INSERT INTO sqlite_sequence (name, seq) SELECT 'input', 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'input')",
  );
  connection.run("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'input'", id);
  if (!isFinal(input)) return false;
  const known = findInput(connection, input.id);
  if (known?.project === key.project && known.session === key.session)
    return adoptLater(connection, known, holding, now);
  if (isTaken(connection, key, input, runs)) return false;
  const { key: name, body, provider, priority, state, attempts, admittedAtMs, updatedAtMs, reason } = input;
  const asked = input.cancelRequested === true ? 1 : 0;
  const last = insertRuns(connection, key, id, { runs, previous: null });
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

function adoptLater(
  connection: Connection,
  known: Input,
  { input, runs }: InputHolding,
  now: number,
): boolean {
  const { project, session, id } = known;
  const last = known.run === undefined ? undefined : findRun(connection, known.run);
  const later = laterRuns(known, last?.run, { input, runs });
  if (later === undefined) return false;
  const row = insertRuns(connection, known, numberOf(id), { runs: later, previous: last?.rowId ?? null });
  saveInput(connection, { ...input, project, session });
  connection.run(lastRunSql, row, runs.at(-1)?.attempt ?? null, numberOf(id));
  recordChange(connection, { key: { project, session }, atMs: now, kind: "input", of: id });
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
  { runs, previous }: { readonly runs: readonly Run[]; readonly previous: number | null },
): number | null {
  let last = previous;
  for (const run of runs) {
    const { attempt, worker, epoch, revision, startedAtMs } = run;
    connection.run(runSql, input, last, project, session, attempt, worker, epoch, revision, startedAtMs);
    last = insertedId(connection);
    saveRun(connection, last, run);
  }
  return last;
}

const lastRunSql = "UPDATE input SET run = ?, last_attempt = ? WHERE id = ?";
const inputSql = `
  INSERT INTO input (id, project, session, key, body, provider, priority, state, attempts, admitted_at_ms, updated_at_ms,
    run, last_attempt, reason, cancel_requested) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const runSql = `
  INSERT INTO run (input, previous, project, session, attempt, worker, epoch, revision, state, started_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?)`;
