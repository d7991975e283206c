import { HoldfastError } from "./errors.ts";
import { type PriceRow, priceTable, type TokenPrices } from "./price-table.ts";
import { noTokens, type Tokens } from "./usage.ts";

/** One response, as far as its price depends on it. */
export interface PriceOfParams {
  readonly model: string;
  /** How it was served, where not in the standard way; a row without a tier says nothing about it. */
  readonly tier?: string | undefined;
  readonly atMs: number;
  readonly tokens: Tokens;
  /** The user's own rows: where one fits, it wins over the bundled ones. */
  readonly table?: readonly PriceRow[] | undefined;
}

/** A response's price in micro-dollars, rounded once, half up; null where it is not wholly known. */
export function priceOf(params: PriceOfParams): number | null {
  const row = rowFor(params.table ?? [], params) ?? rowFor(priceTable, params);
  return row === undefined ? null : sumOf(params.tokens, pricesFor(row, params.tokens));
}

/** Reads a user's price table: a JSON array of rows. @throws usage naming the row */
export function parsePrices(text: string): readonly PriceRow[] {
  const rows = parsed(text);
  for (let index = 0; index < rows.length; index += 1) {
    const fault = rowFault(rows[index]) ?? repeatFault(rows as readonly PriceRow[], index);
    if (fault !== undefined) throw refused(`Row ${index + 1} of the price table ${fault}.`, index + 1);
  }
  return rows as readonly PriceRow[];
}

/** The closest pattern decides, then the newest day: a row for all models never hides one for this model. */
function rowFor(table: readonly PriceRow[], { model, tier, atMs }: PriceOfParams): PriceRow | undefined {
  let best: { readonly row: PriceRow; readonly closeness: number; readonly fromMs: number } | undefined;
  for (const row of table) {
    const fromMs = Date.parse(row.from);
    if (row.tier !== tier || !(fromMs <= atMs)) continue;
    const closeness = Math.max(...row.models.map((pattern) => closenessOf(pattern, model)));
    if (closeness < 0 || (best !== undefined && closeness < best.closeness)) continue;
    if (best === undefined || closeness > best.closeness || fromMs >= best.fromMs)
      best = { row, closeness, fromMs };
  }
  return best?.row;
}

/** How many characters a pattern names of a model's id; infinite without a `*`, -1 where it does not fit. */
function closenessOf(pattern: string, model: string): number {
  if (!pattern.includes("*")) return pattern === model ? Infinity : -1;
  const parts = pattern.split("*");
  const [head, tail] = [parts[0]!, parts.at(-1)!];
  let at = model.startsWith(head) ? head.length : Infinity;
  for (const part of parts.slice(1, -1)) {
    const found = model.indexOf(part, at);
    at = found < at ? Infinity : found + part.length;
  }
  return model.length - tail.length >= at && model.endsWith(tail) ? pattern.replaceAll("*", "").length : -1;
}

function pricesFor({ microDollarsPerMillion, longPrompt }: PriceRow, tokens: Tokens): TokenPrices {
  const promptTokens = tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
  const long = longPrompt !== undefined && promptTokens > longPrompt.overTokens;
  return long ? longPrompt.microDollarsPerMillion : microDollarsPerMillion;
}

// Tokens times price goes far beyond what a number holds exactly.
function sumOf(tokens: Tokens, prices: TokenPrices): number | null {
  let millionths = 0n;
  for (const kind of kinds) {
    const count = tokens[kind];
    const price = prices[kind];
    if (!isCount(count) || (price === undefined && count > 0)) return null;
    millionths += BigInt(count) * BigInt(price ?? 0);
  }
  const microDollars = Number((millionths + million / 2n) / million);
  return Number.isSafeInteger(microDollars) ? microDollars : null;
}

const million = 1_000_000n;
const kinds = Object.keys(noTokens) as readonly (keyof Tokens)[];
const maxMicroDollarsPerMillion = 10_000_000_000;

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parsed(text: string): readonly unknown[] {
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch {}
  if (Array.isArray(rows)) return rows;
  throw refused("The price table is no JSON array of rows.");
}

type Fields = Readonly<Record<string, unknown>>;

function rowFault(row: unknown): string | undefined {
  if (!isObject(row)) return "is no JSON object";
  const { models, from, tier, longPrompt } = row;
  if (!Array.isArray(models) || models.length === 0 || !models.every(isName))
    return 'has no "models", a list of ids';
  if (!isDay(from)) return 'has no "from", a day such as 2026-10-07';
  if (tier !== undefined && !isName(tier)) return 'has a "tier" without a name';
  const known = ["models", "from", "tier", "microDollarsPerMillion", "longPrompt"];
  return unknownKey(row, known) ?? pricesFault(row) ?? longPromptFault(longPrompt);
}

function longPromptFault(longPrompt: unknown): string | undefined {
  if (longPrompt === undefined) return undefined;
  if (!isObject(longPrompt)) return 'has a "longPrompt" that is no JSON object';
  if (!isCount(longPrompt.overTokens)) return 'has a "longPrompt" without "overTokens", a whole number';
  return unknownKey(longPrompt, ["overTokens", "microDollarsPerMillion"]) ?? pricesFault(longPrompt);
}

function pricesFault({ microDollarsPerMillion: prices }: Fields): string | undefined {
  if (!isObject(prices) || Object.keys(prices).length === 0)
    return 'has no prices in "microDollarsPerMillion"';
  const wrong = Object.keys(prices).find(
    (kind) => !isCount(prices[kind]) || prices[kind] > maxMicroDollarsPerMillion,
  );
  return (
    unknownKey(prices, kinds) ??
    (wrong === undefined ? undefined : `has a price for "${wrong}" that is no whole number of micro-dollars`)
  );
}

// A mistyped key would silently leave a price out.
function unknownKey(object: Fields, known: readonly string[]): string | undefined {
  const key = Object.keys(object).find((name) => !known.includes(name));
  return key === undefined ? undefined : `has a key that means nothing: ${JSON.stringify(key)}`;
}

function repeatFault(rows: readonly PriceRow[], index: number): string | undefined {
  const { models, from, tier } = rows[index]!;
  const twin = rows
    .slice(0, index)
    .findIndex(
      (row) => row.from === from && row.tier === tier && row.models.some((id) => models.includes(id)),
    );
  return twin === -1 ? undefined : `prices a model that row ${twin + 1} prices from the same day on`;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

// A day that does not exist, such as February 30, would be read as another one.
function isDay(value: unknown): value is string {
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return false;
  const atMs = Date.parse(value);
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(value);
}

function refused(message: string, row?: number): HoldfastError {
  return new HoldfastError({
    code: "usage",
    message,
    next: 'Write rows such as {"models": ["my-model-*"], "from": "2026-10-07", "microDollarsPerMillion": {"input": 3000000, "output": 15000000}}; a dollar is 1000000.',
    data: row === undefined ? {} : { row },
  });
}
