/** The time source of a store: whole milliseconds since 1970. */
export interface Clock {
  now(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** A time that never runs backwards for one row, and never into the store's future. */
export function nextTime({
  previous,
  wanted,
  now,
}: {
  previous: number;
  wanted?: number | undefined;
  now: number;
}): number {
  return Math.max(previous, wanted === undefined ? now : Math.min(wanted, now));
}
