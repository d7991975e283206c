import type { SessionKey } from "./ids.ts";

/** What one response of a provider used; counted once however often it is seen again, with the greatest usage seen. */
export interface UsageRow {
  /** Names the response: equal over forks, resumes, replays and mirrors of it; see {@link usageKey}. */
  readonly key: string;
  readonly model: string;
  readonly atMs: number;
  readonly tokens: Tokens;
  /** The price at the time; null where the model has none. */
  readonly microDollars: number | null;
}

/** Tokens by kind, as the provider counted them. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  /** Written to a cache that lives five minutes, and an hour. */
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
}

export interface RecordUsageParams {
  readonly session: SessionKey;
  readonly rows: readonly UsageRow[];
}

/** Sums in groups; a `label` groups by the value that the sessions have for it now. */
export interface UsageParams {
  readonly by: "day" | "model" | "project" | "session" | { readonly label: string };
  readonly project?: string;
  readonly session?: SessionKey;
  readonly sinceMs?: number;
  readonly untilMs?: number;
}

/** A group's sums; days are UTC dates. Sorted by name. */
export interface UsageGroup {
  /** Null: the sessions that have no such label. */
  readonly name: string | null;
  readonly responses: number;
  readonly tokens: Tokens;
  readonly microDollars: number;
  /** Responses of models that have no price. */
  readonly unpriced: number;
}

/** A group as a database sums it up. */
export type UsageSums = Omit<UsageGroup, "tokens"> & Tokens;

/** The group of a row of sums. */
export function usageGroupOf({ name, responses, microDollars, unpriced, ...tokens }: UsageSums): UsageGroup {
  return { name, responses, tokens, microDollars, unpriced };
}

/** No tokens of any kind. */
export const noTokens: Tokens = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };

/**
 * The key of a response: by the provider's message and request ids, which survive forks and resumes; where it gave
 * none, by the lineage of the session and the response's content.
 */
export function usageKey(response: {
  readonly messageId?: string | undefined;
  readonly requestId?: string | undefined;
  readonly lineage: string;
  readonly contentHash: string;
}): string {
  const { messageId, requestId, lineage, contentHash } = response;
  if (messageId === undefined && requestId === undefined) return JSON.stringify([lineage, contentHash]);
  return JSON.stringify([messageId ?? null, requestId ?? null]);
}

/**
 * Which of two rows of one response to keep: the one with more tokens, output first, as they only grow while it is
 * streamed; then the one with a price, then the earlier one, as copies may be dated later; else the first. So the row
 * that is left does not depend on the order in which they came, or how often.
 */
export function greaterUsage(known: UsageRow, seen: UsageRow): UsageRow {
  for (const kind of ["output", "input", "cacheRead", "cacheWrite5m", "cacheWrite1h"] as const) {
    if (known.tokens[kind] !== seen.tokens[kind])
      return known.tokens[kind] > seen.tokens[kind] ? known : seen;
  }
  if ((known.microDollars === null) !== (seen.microDollars === null))
    return known.microDollars === null ? seen : known;
  return seen.atMs < known.atMs ? seen : known;
}
