import type { ImportClaudeReport } from "../agents/claude/import.ts";
import { counted, size } from "./columns.ts";
import { harmlessLine } from "./harmless.ts";
import { say, write } from "./output.ts";

/** Tells people what an import did: its problems beside the result, not in it. */
export async function writeImport(report: ImportClaudeReport, restore?: string): Promise<void> {
  const lines = importLines(report, restore);
  const problems = lines.slice(0, report.problems.length);
  for (const line of problems) say(line);
  await write(`${lines.slice(problems.length).join("\n")}\n`);
}

/** What an import did, as lines for people; problems first. `restore` is what to type for removed sessions. */
export function importLines(report: ImportClaudeReport, restore = "--restore-dropped"): string[] {
  const { files, sessions, entries, duplicates, moved, unchanged, bytes, problems } = report;
  const parts = [
    `Imported ${counted(entries, "new entry")} of ${counted(sessions, "session")}`,
    `${counted(files, "file")} (${size(bytes)}B), ${unchanged} unchanged`,
    ...(duplicates === 0 ? [] : [`${counted(duplicates, "entry")} already there`]),
    ...(moved === 0
      ? []
      : [`${counted(moved, "late block")} read where the file has ${moved === 1 ? "it" : "them"}`]),
  ];
  return [
    ...problems.map((problem) => `problem: ${harmlessLine(problem)}`),
    `${parts.join("; ")}.`,
    ...ranHere(report.runHere ?? []),
    ...leftOut(report.droppedSessions, "removed session", restore),
    ...leftOut(report.droppedLogs ?? [], "removed log", restore),
  ];
}

function ranHere(ids: readonly string[]): string[] {
  if (ids.length === 0) return [];
  return [`Left out ${counted(ids.length, "session")} that Holdfast ran: in the store by another name.`];
}

function leftOut(dropped: readonly unknown[], what: string, restore: string): string[] {
  if (dropped.length === 0) return [];
  return [
    `Left out ${counted(dropped.length, what)}: ${restore} brings ${dropped.length === 1 ? "it" : "them"} back.`,
  ];
}
