import { isUuid } from "../../core/entry.ts";
import type { PriceRow } from "../../core/price-table.ts";
import { priceOf } from "../../core/prices.ts";
import { type Tokens, usageKey, type UsageRow, greaterUsage } from "../../core/usage.ts";

export interface UsageOfParams {
  /** Names the session together with all that was forked or resumed from it. */
  readonly lineage: string;
  /** Hashes the content of a response that carries no ids. */
  readonly contentHash: (content: string) => string;
  /** The user's own prices. */
  readonly prices?: readonly PriceRow[] | undefined;
}

/** A transcript's entry; `atMs` serves where the entry itself tells no time. */
export interface TranscriptEntry {
  readonly body: string;
  readonly atMs?: number | undefined;
}

/**
 * What the responses in a piece of a transcript used, one row each. A response is stored as one entry a content block,
 * of which often only the last has its full usage, and a fork copies entries, some with their usage set to zero: so
 * several pieces may name one response, and of its rows the {@link greaterUsage} is true.
 */
export function usageOf(entries: readonly TranscriptEntry[], params: UsageOfParams): readonly UsageRow[] {
  const rows = new Map<string, UsageRow>();
  for (const entry of entries) {
    const row = rowOf(entry, params);
    if (row === undefined) continue;
    const known = rows.get(row.key);
    rows.set(row.key, known === undefined ? row : greaterUsage(known, row));
  }
  return [...rows.values()];
}

/** What one response used, under the same key as its entries' rows; undefined for one that used nothing, or that the agent made up. */
export function responseUsage(
  { message, requestId }: { readonly message: unknown; readonly requestId: unknown },
  nameless: Pick<UsageOfParams, "lineage" | "contentHash">,
): Pick<UsageRow, "key" | "model" | "tokens"> | undefined {
  const fields = fieldsOf(message);
  const tokens = tokensOf(fieldsOf(fields.usage));
  if (fields.model === "<synthetic>" || Object.values(tokens).every((count) => count === 0)) return undefined;
  const model = isUuid(fields.model) ? fields.model : "unknown";
  return { key: keyOf({ message: fields, requestId, ...nameless }), model, tokens };
}

type Fields = Readonly<Record<string, unknown>>;

// A key must depend on one entry alone: pieces are read without their neighbours.
function rowOf(
  entry: TranscriptEntry,
  { lineage, contentHash, prices }: UsageOfParams,
): UsageRow | undefined {
  const parsed = parse(entry.body);
  if (parsed.type !== "assistant") return undefined;
  const used = responseUsage(
    { message: parsed.message, requestId: parsed.requestId },
    { lineage, contentHash },
  );
  if (used === undefined) return undefined;
  const atMs = timeOf(parsed.timestamp) ?? entry.atMs ?? 0;
  const tier = tierOf(fieldsOf(fieldsOf(parsed.message).usage));
  const { model, tokens } = used;
  return { ...used, atMs, microDollars: priceOf({ model, tier, atMs, tokens, table: prices }) };
}

function parse(body: string): Fields {
  try {
    return fieldsOf(JSON.parse(body));
  } catch {
    return {};
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** Without a breakdown all cache writes are of five minutes, the default; with one, that is its rest. */
function tokensOf(usage: Fields): Tokens {
  const written = fieldsOf(usage.cache_creation);
  const cacheWrite1h = countOf(written.ephemeral_1h_input_tokens);
  const rest = countOf(usage.cache_creation_input_tokens) - cacheWrite1h;
  return {
    input: countOf(usage.input_tokens),
    output: countOf(usage.output_tokens),
    cacheRead: countOf(usage.cache_read_input_tokens),
    cacheWrite5m: Math.max(countOf(written.ephemeral_5m_input_tokens), rest),
    cacheWrite1h,
  };
}

// No response comes near it; sums of greater numbers would not stay exact.
const maxTokens = 1_000_000_000;

function countOf(value: unknown): number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= maxTokens
    ? (value as number)
    : 0;
}

// Another clock's time zone would move a time without one.
function timeOf(timestamp: unknown): number | undefined {
  if (typeof timestamp !== "string" || !/^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(timestamp))
    return undefined;
  const atMs = Date.parse(timestamp);
  return atMs >= 0 ? atMs : undefined;
}

interface KeyParams extends Pick<UsageOfParams, "lineage" | "contentHash"> {
  readonly message: Fields;
  readonly requestId: unknown;
}

function keyOf({ message, requestId: request, lineage, contentHash }: KeyParams): string {
  const messageId = isUuid(message.id) ? message.id : undefined;
  const requestId = isUuid(request) ? request : undefined;
  const named = messageId !== undefined || requestId !== undefined;
  const content = named ? "" : contentHash(JSON.stringify([message.model ?? null, message.content ?? null]));
  return usageKey({ messageId, requestId, lineage, contentHash: content });
}

/** What the tokens alone do not pay for, by name; undefined for a response that was served in the standard way. */
function tierOf(usage: Fields): string | undefined {
  const searches = countOf(fieldsOf(usage.server_tool_use).web_search_requests) > 0;
  const iterations = Array.isArray(usage.iterations) ? usage.iterations : [];
  const named = [
    usage.service_tier,
    usage.speed,
    usage.inference_geo,
    searches ? "web_search" : undefined,
    usage.fallback_credit ? "fallback_credit" : undefined,
    ...iterations.map((iteration: unknown) => fieldsOf(iteration).type),
  ];
  const tiers = named.filter((name) => typeof name === "string" && !standard.has(name));
  return tiers.length === 0 ? undefined : [...new Set(tiers)].join("+");
}

const standard = new Set<unknown>(["", "standard", "global", "not_available", "message"]);
