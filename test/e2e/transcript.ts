import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { StoredEntry } from "./bench.ts";

/** What the agent itself wrote of a session, line by line: where nothing went wrong, the store has the same. */
export function transcriptOf(configDir: string, sessionId: string): StoredEntry[] {
  const [file = ""] = globSync(join(configDir, "projects", "*", `${sessionId}.jsonl`));
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as StoredEntry);
}
