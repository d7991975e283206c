import type { Tokens } from "./usage.ts";

/** What a model costs from a day on. */
export interface PriceRow {
  /** Ids of models, compared whole; `*` stands for any text, or none. */
  readonly models: readonly string[];
  /** The first day, from midnight UTC, such as `2026-10-07`. */
  readonly from: string;
  /** How a response was served when not in the standard way, such as `fast` or `fast+us`: these have rows of their own. */
  readonly tier?: string;
  readonly microDollarsPerMillion: TokenPrices;
  /** What a response pays for all its tokens when its prompt, cached or not, is longer than `overTokens`. */
  readonly longPrompt?: { readonly overTokens: number; readonly microDollarsPerMillion: TokenPrices };
}

/** Micro-dollars per million tokens, in whole numbers; of a kind that is left out no price is known. */
export type TokenPrices = { readonly [Kind in keyof Tokens]?: number };

// Platforms of others, whose ids look otherwise, have prices of their own; so do fast mode, batches, priority, and
// inference that is kept in one region. Only what is listed here is sure: all else is reported as unpriced.

const opus3: TokenPrices = {
  input: 15_000_000,
  cacheWrite5m: 18_750_000,
  cacheWrite1h: 30_000_000,
  cacheRead: 1_500_000,
  output: 75_000_000,
};

const opus45: TokenPrices = {
  input: 5_000_000,
  cacheWrite5m: 6_250_000,
  cacheWrite1h: 10_000_000,
  cacheRead: 500_000,
  output: 25_000_000,
};

const opus55: TokenPrices = {
  input: 4_000_000,
  cacheWrite5m: 5_000_000,
  cacheWrite1h: 8_000_000,
  cacheRead: 200_000,
  output: 20_000_000,
};

const fable5: TokenPrices = {
  input: 10_000_000,
  cacheWrite5m: 12_500_000,
  cacheWrite1h: 20_000_000,
  cacheRead: 1_000_000,
  output: 50_000_000,
};

const sonnet3: TokenPrices = {
  input: 3_000_000,
  cacheWrite5m: 3_750_000,
  cacheWrite1h: 6_000_000,
  cacheRead: 300_000,
  output: 15_000_000,
};

const sonnet5: TokenPrices = {
  input: 2_000_000,
  cacheWrite5m: 2_500_000,
  cacheWrite1h: 4_000_000,
  cacheRead: 200_000,
  output: 10_000_000,
};

const haiku3: TokenPrices = {
  input: 250_000,
  cacheWrite5m: 300_000,
  cacheWrite1h: 500_000,
  cacheRead: 30_000,
  output: 1_250_000,
};

const haiku35: TokenPrices = {
  input: 800_000,
  cacheWrite5m: 1_000_000,
  cacheWrite1h: 1_600_000,
  cacheRead: 80_000,
  output: 4_000_000,
};

const haiku45: TokenPrices = {
  input: 1_000_000,
  cacheWrite5m: 1_250_000,
  cacheWrite1h: 2_000_000,
  cacheRead: 100_000,
  output: 5_000_000,
};

const haiku55: TokenPrices = {
  input: 100_000,
  cacheWrite5m: 125_000,
  cacheWrite1h: 200_000,
  cacheRead: 10_000,
  output: 500_000,
};

const longSonnet = {
  overTokens: 200_000,
  microDollarsPerMillion: {
    input: 6_000_000,
    cacheWrite5m: 7_500_000,
    cacheWrite1h: 12_000_000,
    cacheRead: 600_000,
    output: 22_500_000,
  },
} as const satisfies PriceRow["longPrompt"];

const longOpus = {
  overTokens: 200_000,
  microDollarsPerMillion: {
    input: 10_000_000,
    cacheWrite5m: 12_500_000,
    cacheWrite1h: 20_000_000,
    cacheRead: 1_000_000,
    output: 37_500_000,
  },
} as const satisfies PriceRow["longPrompt"];

const longHaiku = {
  overTokens: 100_000,
  microDollarsPerMillion: {
    input: 500_000,
    cacheWrite5m: 625_000,
    cacheWrite1h: 1_000_000,
    cacheRead: 50_000,
    output: 2_500_000,
  },
} as const satisfies PriceRow["longPrompt"];

/**
 * The list prices of the Claude API, as known on 2026-10-24.
 * Sources: platform.claude.com/docs/en/about-claude/pricing and the pages of the models (…/docs/en/models/…), which
 * give the days of release; the models that these no longer list as docs.anthropic.com had them in 2025. The cut of
 * Sonnet 5.5's cache reads and the end of the surcharge on long prompts are as announced for those days.
 */
export const priceTable: readonly PriceRow[] = [
  { models: ["claude-3-opus-20240229"], from: "2025-01-01", microDollarsPerMillion: opus3 },
  { models: ["claude-3-haiku-20240307"], from: "2025-01-01", microDollarsPerMillion: haiku3 },
  {
    models: ["claude-3-5-sonnet-20240620", "claude-3-5-sonnet-20241022"],
    from: "2025-01-01",
    microDollarsPerMillion: sonnet3,
  },
  { models: ["claude-3-5-haiku-20241022"], from: "2025-01-01", microDollarsPerMillion: haiku35 },
  { models: ["claude-3-7-sonnet-20250219"], from: "2025-02-24", microDollarsPerMillion: sonnet3 },
  {
    models: ["claude-opus-4-0", "claude-opus-4-20250514"],
    from: "2025-05-22",
    microDollarsPerMillion: opus3,
  },
  {
    models: ["claude-sonnet-4-0", "claude-sonnet-4-20250514"],
    from: "2025-05-22",
    microDollarsPerMillion: sonnet3,
    longPrompt: longSonnet,
  },
  {
    models: ["claude-opus-4-1", "claude-opus-4-1-20250805"],
    from: "2025-08-05",
    microDollarsPerMillion: opus3,
  },
  {
    models: ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929"],
    from: "2025-09-29",
    microDollarsPerMillion: sonnet3,
    longPrompt: longSonnet,
  },
  {
    models: ["claude-haiku-4-5", "claude-haiku-4-5-20251001"],
    from: "2025-10-15",
    microDollarsPerMillion: haiku45,
  },
  {
    models: ["claude-opus-4-5", "claude-opus-4-5-20251101"],
    from: "2025-11-24",
    microDollarsPerMillion: opus45,
  },
  {
    models: ["claude-opus-4-6"],
    from: "2026-02-05",
    microDollarsPerMillion: opus45,
    longPrompt: longOpus,
  },
  {
    models: ["claude-sonnet-4-6"],
    from: "2026-02-17",
    microDollarsPerMillion: sonnet3,
    longPrompt: longSonnet,
  },
  { models: ["claude-opus-4-6"], from: "2026-03-13", microDollarsPerMillion: opus45 },
  { models: ["claude-sonnet-4-6"], from: "2026-03-13", microDollarsPerMillion: sonnet3 },
  { models: ["claude-opus-4-7"], from: "2026-04-16", microDollarsPerMillion: opus45 },
  { models: ["claude-opus-4-8"], from: "2026-05-28", microDollarsPerMillion: opus45 },
  { models: ["claude-fable-5", "claude-mythos-5"], from: "2026-06-09", microDollarsPerMillion: fable5 },
  { models: ["claude-sonnet-5"], from: "2026-06-30", microDollarsPerMillion: sonnet5 },
  { models: ["claude-opus-5"], from: "2026-07-24", microDollarsPerMillion: opus45 },
  // Twice the standard price, cached tokens too.
  { models: ["claude-opus-5"], tier: "fast", from: "2026-07-24", microDollarsPerMillion: fable5 },
  {
    models: ["claude-fable-5-1", "claude-mythos-5-1"],
    from: "2026-09-01",
    microDollarsPerMillion: { ...fable5, cacheRead: 250_000 },
  },
  { models: ["claude-opus-5-5"], from: "2026-09-22", microDollarsPerMillion: opus55 },
  { models: ["claude-sonnet-5-5"], from: "2026-09-28", microDollarsPerMillion: sonnet5 },
  {
    models: ["claude-sonnet-5-5"],
    from: "2026-10-07",
    microDollarsPerMillion: { ...sonnet5, cacheRead: 100_000 },
  },
  {
    models: ["claude-haiku-5-5"],
    from: "2026-10-07",
    microDollarsPerMillion: haiku55,
    longPrompt: longHaiku,
  },
];
