import type { LiveEvent } from "../../../core/event.ts";
import { type Fields, fieldsOf } from "../../../core/json.ts";
import { greaterUsage, type UsageRow } from "../../../core/usage.ts";
import { contentHash } from "../content-hash.ts";
import { usageOf } from "../usage.ts";

export interface UsageTotalsParams {
  /** Names the session together with all that was forked or resumed from it. */
  readonly lineage: string;
  /** The process has gone on with a session: then its first totals may hold what earlier processes used. */
  readonly isResumed: boolean;
}

/**
 * What the responses of one process used, each told once. A message has its response's usage as it was when that began,
 * and some responses have no message at all: what is stored is whole, and is what the result's totals are held against.
 */
export class UsageTotals {
  readonly #params: UsageTotalsParams;
  readonly #told = new Map<string, UsageRow>();
  readonly #rows = new Map<string, UsageRow>();
  #sinceResult: Amounts = noAmounts;
  #unpriced = 0;
  #counted: Amounts | undefined;

  constructor(params: UsageTotalsParams) {
    this.#params = params;
  }

  /** A message's events without the usage that was told before. */
  told(events: readonly LiveEvent[]): readonly LiveEvent[] {
    return events.filter(
      (event) => event.type !== "usage" || this.#isNews({ ...event, atMs: 0, microDollars: null }),
    );
  }

  /** What the responses in appended entries used, where more than was told before. */
  ofEntries(bodies: readonly string[]): readonly LiveEvent[] {
    const { lineage } = this.#params;
    const rows = usageOf(
      bodies.map((body) => ({ body })),
      { lineage, contentHash },
    );
    for (const row of rows) this.#count(row);
    return rows
      .filter((row) => this.#isNews(row))
      .map(({ key, model, tokens }) => ({ type: "usage", key, model, tokens }));
  }

  /** After a result and what was appended before it: a notice where the agent has counted another usage than we. */
  reconcile(message: unknown): readonly LiveEvent[] {
    const fields = fieldsOf(message) ?? {};
    if (fields["type"] !== "result") return [];
    const counted = this.#countedIn(fields);
    const [seen, unpriced] = [this.#sinceResult, this.#unpriced];
    [this.#sinceResult, this.#unpriced] = [noAmounts, 0];
    if (counted === undefined || (isSame(counted, seen) && (unpriced > 0 || isSamePrice(counted, seen))))
      return [];
    return [
      {
        type: "notice",
        text: `The agent counts ${inWords(counted)} since its last result, and its responses tell of ${inWords(seen, unpriced)}.`,
        raw: { counted, seen, unpriced },
      },
    ];
  }

  #isNews(row: UsageRow): boolean {
    const known = this.#told.get(row.key);
    const greater = known === undefined ? row : greaterUsage(known, row);
    if (known !== undefined && sameTokens(known, greater)) return false;
    this.#told.set(row.key, greater);
    return true;
  }

  // Pieces of one response may come in two batches, the later one with more.
  #count(row: UsageRow): void {
    const known = this.#rows.get(row.key);
    const greater = known === undefined ? row : greaterUsage(known, row);
    this.#rows.set(row.key, greater);
    this.#sinceResult = sum(
      this.#sinceResult,
      minus(amountsOf(greater), known === undefined ? noAmounts : amountsOf(known)),
    );
    if (known === undefined && row.microDollars === null) this.#unpriced += 1;
  }

  /** What the result counts since the one before; undefined where it does not say since when. */
  #countedIn(result: Fields): Amounts | undefined {
    const total = amountsIn(result["modelUsage"]);
    const before = this.#counted;
    this.#counted = total;
    const since = fieldsOf(result["model_usage_since_last_result"]);
    if (since !== undefined) return amountsIn(since);
    if (before === undefined) return this.#params.isResumed ? undefined : total;
    const more = minus(total, before);
    // A conversation that was cleared is counted from the beginning again.
    return Object.values(more).some((amount) => amount < 0) ? total : more;
  }
}

/** What is compared; money in dollars, as the agent counts it. */
interface Amounts {
  readonly input: number;
  readonly output: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly dollars: number;
}

const noAmounts: Amounts = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, dollars: 0 };

function amountsOf({ tokens, microDollars }: UsageRow): Amounts {
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = tokens;
  return {
    input,
    output,
    cacheRead,
    cacheWrite: cacheWrite5m + cacheWrite1h,
    dollars: (microDollars ?? 0) / 1e6,
  };
}

/** The sum over all models: the agent names them in other ways than its responses do. */
function amountsIn(usage: unknown): Amounts {
  return Object.values(fieldsOf(usage) ?? {}).reduce<Amounts>((total, model) => {
    const fields = fieldsOf(model) ?? {};
    return sum(total, {
      input: numberIn(fields, "inputTokens"),
      output: numberIn(fields, "outputTokens"),
      cacheRead: numberIn(fields, "cacheReadInputTokens"),
      cacheWrite: numberIn(fields, "cacheCreationInputTokens"),
      dollars: numberIn(fields, "costUSD"),
    });
  }, noAmounts);
}

function numberIn(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

function sum(one: Amounts, other: Amounts): Amounts {
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    cacheRead: one.cacheRead + other.cacheRead,
    cacheWrite: one.cacheWrite + other.cacheWrite,
    dollars: one.dollars + other.dollars,
  };
}

function minus(one: Amounts, { input, output, cacheRead, cacheWrite, dollars }: Amounts): Amounts {
  return sum(one, {
    input: -input,
    output: -output,
    cacheRead: -cacheRead,
    cacheWrite: -cacheWrite,
    dollars: -dollars,
  });
}

function isSame(one: Amounts, other: Amounts): boolean {
  return (["input", "output", "cacheRead", "cacheWrite"] as const).every((kind) => one[kind] === other[kind]);
}

// Each of our rows is rounded to a millionth.
function isSamePrice(one: Amounts, other: Amounts): boolean {
  return Math.abs(one.dollars - other.dollars) < 0.000_1;
}

function sameTokens({ tokens: one }: UsageRow, { tokens: other }: UsageRow): boolean {
  return Object.entries(one).every(([kind, count]) => other[kind as keyof typeof other] === count);
}

function inWords({ input, output, cacheRead, cacheWrite, dollars }: Amounts, unpriced = 0): string {
  const cached = `${cacheRead} read from and ${cacheWrite} written to a cache`;
  const price = unpriced > 0 ? `${unpriced} responses without a price` : `$${dollars.toFixed(6)}`;
  return `${input} tokens of input, ${output} of output, ${cached} (${price})`;
}
