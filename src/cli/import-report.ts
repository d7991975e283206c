import type { ImportClaudeReport } from "../agents/claude/import.ts";
import { counted, size } from "./columns.ts";
import { harmlessLine } from "./harmless.ts";

/** What an import did, as lines for people; problems first. */
export function importLines(report: ImportClaudeReport): string[] {
  const { files, sessions, entries, duplicates, unchanged, bytes, droppedSessions, problems } = report;
  const parts = [
    `Imported ${counted(entries, "new entry")} of ${counted(sessions, "session")}`,
    `${counted(files, "file")} (${size(bytes)}B), ${unchanged} unchanged`,
    ...(duplicates === 0 ? [] : [`${counted(duplicates, "entry")} already there`]),
  ];
  return [
    ...problems.map((problem) => `problem: ${harmlessLine(problem)}`),
    `${parts.join("; ")}.`,
    ...(droppedSessions.length === 0
      ? []
      : [
          `Left out ${counted(droppedSessions.length, "removed session")}: --restore-dropped brings them back.`,
        ]),
  ];
}
