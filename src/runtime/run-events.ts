import type { Entry } from "../core/entry.ts";
import { readEvent, type RunEvent } from "../core/event.ts";
import type { Run } from "../core/run.ts";
import type { UsageRow } from "../core/usage.ts";

/** What a response costs in micro-dollars; null where that is not known. */
export type PriceOf = (response: Pick<UsageRow, "model" | "atMs" | "tokens">) => number | null;

/** The events of a run's log that are its own: neither replayed nor another run's, nor beyond reading. */
export function liveEvents(run: string, entries: readonly Pick<Entry, "body">[]): RunEvent[] {
  return entries.flatMap(({ body }) => {
    const read = readEvent(body);
    return "event" in read && read.event.replayed !== true && read.run === run ? [read.event] : [];
  });
}

/** What a run's responses used, for the ledger, dated as its worker dates them. */
export function usageRowsOf(
  { startedAtMs }: Pick<Run, "startedAtMs">,
  events: readonly RunEvent[],
  priceOf: PriceOf = () => null,
): UsageRow[] {
  return events.flatMap((event) => {
    if (event.type !== "usage") return [];
    const { key, model, tokens } = event;
    const row = { key, model, atMs: startedAtMs, tokens };
    return [{ ...row, microDollars: priceOf(row) }];
  });
}

/** What the session's agent resumes with after these events, if one of them says so. */
export function resumeTokenOf(events: readonly RunEvent[]): string | undefined {
  const tokens = events.flatMap((event) => (event.type === "status" ? (event.resume ?? []) : []));
  return tokens.at(-1);
}
