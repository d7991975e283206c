import { priceOf } from "../../core/prices.ts";
import { noTokens, type Tokens } from "../../core/usage.ts";
import type { RawObject } from "../format/raw-json.ts";

/** What a session's part used, its subagents included. */
export interface TokenFacts {
  readonly tokens: Tokens;
  readonly calls: number;
}

/** Reads a `token_usage` (section 3.1); null where there is none. */
export function tokenFacts(usage: RawObject | undefined, depth = 0): TokenFacts | null {
  if (usage === undefined || depth > maxDepth) return null;
  const written = countIn(usage, "cache_creation_tokens");
  const written1h = Math.min(countIn(usage, "cache_creation_1h_tokens"), written);
  const own: TokenFacts = {
    tokens: {
      input: countIn(usage, "input_tokens"),
      output: countIn(usage, "output_tokens"),
      cacheRead: countIn(usage, "cache_read_tokens"),
      cacheWrite5m: written - written1h,
      cacheWrite1h: written1h,
    },
    calls: countIn(usage, "api_call_count"),
  };
  const below = tokenFacts(usage.object("subagent_tokens"), depth + 1);
  return below === null ? own : addTokens(own, below);
}

/** The sum of two. */
function addTokens(a: TokenFacts, b: TokenFacts): TokenFacts {
  const kinds = Object.keys(noTokens) as (keyof Tokens)[];
  const tokens = Object.fromEntries(kinds.map((kind) => [kind, a.tokens[kind] + b.tokens[kind]]));
  return { tokens: tokens as unknown as Tokens, calls: a.calls + b.calls };
}

/** All tokens together. */
export function totalOf({ tokens }: TokenFacts): number {
  return Object.values(tokens).reduce((sum: number, count: number) => sum + count, 0);
}

/**
 * About what it cost, in micro-dollars; null where the model has no price. Responses are taken for equally long, since
 * a checkpoint keeps only their sum.
 */
export function aboutMicroDollars({
  usage,
  model,
  atMs,
}: {
  readonly usage: TokenFacts;
  readonly model: string;
  readonly atMs: number;
}): number | null {
  const calls = Math.max(1, usage.calls);
  const kinds = Object.entries(usage.tokens).map(([kind, count]) => [kind, Math.round(count / calls)]);
  const one = priceOf({ model, atMs, tokens: Object.fromEntries(kinds) as Tokens });
  const all = one === null ? null : one * calls;
  return all !== null && Number.isSafeInteger(all) ? all : null;
}

const maxDepth = 20;
// Beyond it a count is absurd, and sums would lose their exactness.
const maxCount = 1e12;

function countIn(usage: RawObject, key: string): number {
  const count = usage.number(key) ?? 0;
  return Number.isSafeInteger(count) && count > 0 && count <= maxCount ? count : 0;
}
