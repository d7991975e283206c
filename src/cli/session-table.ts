import { redactText } from "../core/redaction.ts";
import type { SessionRow } from "../core/store.ts";
import type { SessionStatistics } from "../runtime/tally.ts";
import { columns, localTime, size } from "./columns.ts";
import { harmlessLine } from "./harmless.ts";
import { terminalWidth } from "./streams.ts";
import { stdoutStyle } from "./style.ts";
import { cutStart } from "./width.ts";

/** The lines of a list of sessions, with a heading; with statistics, these take the place of the size. */
export function sessionTable(
  sessions: readonly SessionRow[],
  statistics?: readonly (SessionStatistics | null)[],
): string[] {
  const width = terminalWidth() ?? Number.POSITIVE_INFINITY;
  const idLength = shortIdLength(sessions);
  const isNarrow = width < 100;
  // A project is named after its folder, so its end tells more; what it takes is taken from the title.
  const projectWidth = Math.max(12, Math.floor(width / 4));
  const rows = sessions.map((row, at) => [
    harmlessLine(row.session.slice(0, idLength)),
    localTime(row.updatedAtMs),
    ...(statistics !== undefined
      ? statisticsCells(statistics[at] ?? null)
      : isNarrow
        ? []
        : [String(row.entries), size(row.length)]),
    cutStart(harmlessLine(row.project), projectWidth),
    titleOf(row),
  ]);
  const facts = statistics !== undefined ? statisticsHeadings : isNarrow ? [] : ["ENTRIES", "SIZE"];
  const headings = ["SESSION", "UPDATED", ...facts, "PROJECT", "TITLE"];
  const [heading, ...lines] = columns([headings, ...rows], width);
  return [stdoutStyle().dim(heading!), ...lines];
}

/** A session's catalogue row for JSON, without the summary, which is the provider's own and as long as its last prompt. */
export function rowForPeople(row: SessionRow): Omit<SessionRow, "summary"> {
  const { summary, ...rest } = row;
  void summary;
  return rest;
}

/** A session's title as it may be shown. */
export function titleOf({ title }: Pick<SessionRow, "title">): string {
  return title === null ? "(no title)" : harmlessLine(redactText(title));
}

const statisticsHeadings = ["TURNS", "TOOLS", "FILES", "TOKENS"];

// The tokens read from a cache would hide all others.
function statisticsCells(statistics: SessionStatistics | null): string[] {
  if (statistics === null) return ["-", "-", "-", "-"];
  const { turns, toolCalls, filesTouched, tokens } = statistics;
  const { input, output, cacheWrite5m, cacheWrite1h } = tokens;
  const counts = [turns, toolCalls, filesTouched.total, input + output + cacheWrite5m + cacheWrite1h];
  return counts.map(size);
}

// Long enough that each id shown names one session of this page.
function shortIdLength(sessions: readonly SessionRow[]): number {
  const ids = [...new Set(sessions.map(({ session }) => session))].toSorted();
  let length = 8;
  for (let at = 1; at < ids.length; at += 1) {
    length = Math.max(length, commonLength(ids[at - 1]!, ids[at]!) + 1);
  }
  return length;
}

function commonLength(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}
