import { HoldfastError } from "../core/errors.ts";
import { harmlessLine } from "./harmless.ts";
import { cut } from "./width.ts";

/** Reads a whole number of an option. @throws usage */
export function wholeNumber(text: string, option: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usage(
    `${option} is no whole number from ${min} to ${max.toLocaleString("en-US")}: ${shown(text)}.`,
    `Give one, such as ${option} ${Math.min(20, max)}.`,
  );
}

/** Reads a point in time: an age such as `7d`, or an ISO date, which is the day at this machine. @throws usage */
export function pointInTime(text: string, option: string, nowMs: number): number {
  const age = /^(\d{1,6})([mhdw])$/.exec(text);
  if (age !== null) return Math.max(0, nowMs - Number(age[1]) * unitMs[age[2] as keyof typeof unitMs]);
  const atMs = dateMs(text);
  if (Number.isFinite(atMs)) return Math.max(0, atMs);
  throw usage(
    `${option} is no time: ${shown(text)}.`,
    "Give an age such as 30m, 12h, 7d or 2w, or a date such as 2026-11-20.",
  );
}

/** What the user gave, short and harmless enough to stand in a message, and without a URL's password. */
export function shown(text: string): string {
  return cut(harmlessLine(text.replace(/(:\/\/[^:/@?#]*):.*@/s, "$1@")), 60);
}

/** The same as a word of a command line that can be typed. */
export function asTyped(text: string): string {
  const word = shown(text);
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Names, and how many more there are than these. */
export function listOf(names: readonly string[], count: number): string {
  const more = count - names.length;
  return names.join(", ") + (more > 0 ? ` and ${more.toLocaleString("en-US")} more` : "");
}

/** How many of those that fit are named. */
export const shownCandidates = 10;

/** The error for a command line that cannot be meant. */
export function usage(message: string, next: string): HoldfastError {
  return new HoldfastError({ code: "usage", message, next });
}

// Date.parse takes a bare date for UTC, lets the 31st of February pass and guesses at what is no date.
function dateMs(text: string): number {
  const [, date, time = "T00:00"] = isoTime.exec(text) ?? [];
  if (date === undefined || new Date(`${date}Z`).toISOString().slice(0, 10) !== date) return Number.NaN;
  return Date.parse(date + time.replace(" ", "T"));
}

const isoTime =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/;
const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
