import { appendFileSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { redactText } from "../../core/redaction.ts";
import { flowPaths } from "./flow-paths.ts";
import { makeOwnFolder, readOwnFile } from "./own-files.ts";

/** Of what runs behind the hooks, or of the worker. */
export type FlowLog = "log" | "workerLog";

/**
 * Notes what went wrong behind a hook, which tells nobody else, and gives it back as it was noted; a log that cannot be
 * written is not worth a failure.
 */
export function logFailure(commonDir: string, what: string, error: unknown, log: FlowLog = "log"): string {
  const path = flowPaths(commonDir)[log];
  const message = error instanceof Error ? error.message : String(error);
  const line = redactText(`${what}: ${message}`)
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ")
    .slice(0, mostCharacters);
  try {
    makeOwnFolder(dirname(path));
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxBytes) renameSync(path, `${path}.old`);
    appendFileSync(path, `${new Date().toISOString()} ${line}\n`, { mode: 0o600 });
  } catch {}
  return line;
}

/** The last lines of a log, oldest first. */
export function lastFailures(commonDir: string, most: number, log: FlowLog = "log"): readonly string[] {
  const bytes = readOwnFile(flowPaths(commonDir)[log], { maxBytes: 4 * maxBytes });
  if (!Buffer.isBuffer(bytes)) return [];
  return bytes
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "")
    .slice(-most);
}

const maxBytes = 256 << 10;
const mostCharacters = 2_000;
