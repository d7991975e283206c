import { HoldfastError } from "../core/errors.ts";

/** Reads a whole number of an option. @throws usage */
export function wholeNumber(text: string, option: string, min: number, max: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw usage(`${option} is not a whole number from ${min} to ${max}: ${text}.`, "Give one.");
}

/** Reads a point in time: an age such as `7d`, or an ISO date. @throws usage */
export function pointInTime(text: string, option: string, nowMs: number): number {
  const age = /^(\d{1,6})([mhdw])$/.exec(text);
  if (age !== null) return Math.max(0, nowMs - Number(age[1]) * unitMs[age[2] as keyof typeof unitMs]);
  const atMs = /^\d{4}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isFinite(atMs)) return Math.max(0, atMs);
  throw usage(
    `${option} is no time: ${text}.`,
    "Give an age such as 30m, 12h, 7d or 2w, or a date such as 2026-11-20.",
  );
}

/** The error for a command line that cannot be meant. */
export function usage(message: string, next: string): HoldfastError {
  return new HoldfastError({ code: "usage", message, next });
}

const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
