import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One thing that came of a recorded scene: a message, or entries appended to a log. */
export type RecordedLine =
  | { readonly message: unknown }
  | { readonly log: string; readonly entries: readonly object[] };

export const recordedVersions = ["0.3.159", "0.3.329"] as const;

/** What one release of the SDK did in each scene, as `test/e2e/record-messages.ts` has recorded it. */
export function recordedScenes(version: string): ReadonlyMap<string, readonly RecordedLine[]> {
  const path = join(import.meta.dirname, `../../src/agents/claude/fixtures/messages-${version}.ndjson`);
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const parsed = lines.map((line) => JSON.parse(line) as RecordedLine & { readonly scene: string });
  return Map.groupBy(parsed, ({ scene }) => scene);
}

export function messagesIn(lines: readonly RecordedLine[]): readonly unknown[] {
  return lines.flatMap((line) => ("message" in line ? [line.message] : []));
}

/** The bodies of one log, in their order. */
export function bodiesIn(lines: readonly RecordedLine[], log: string): readonly string[] {
  return lines.flatMap((line) =>
    "log" in line && line.log === log ? line.entries.map((entry) => JSON.stringify(entry)) : [],
  );
}
