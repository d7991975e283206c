import type { Input } from "../../core/input.ts";
import type { Connection } from "./connection.ts";
import { saveInput } from "./input.ts";
import { freeLane } from "./lane.ts";
import { recordChange } from "./record-change.ts";
import { saveRun, type StoredRun } from "./run.ts";

/** Ends or holds the session's open run, with the input that it leaves and with whatever lease there is. */
export function closeRun(connection: Connection, { rowId, run }: StoredRun, input: Input, now: number): void {
  saveRun(connection, rowId, run);
  saveInput(connection, input);
  if (run.state === "held") connection.run(holdSql, run.project, run.session);
  else freeLane(connection, run);
  recordChange(connection, { key: run, atMs: now, kind: "run", of: run.id });
}

const holdSql = `
  UPDATE lane SET owner = NULL, since_ms = 0, until_ms = 0, running = 0 WHERE project = ? AND session = ?`;
