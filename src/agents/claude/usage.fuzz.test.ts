import fc from "fast-check";
import { expect, it } from "vitest";
import { noTokens, type Tokens, type UsageRow } from "../../core/usage.ts";
import { greaterUsage } from "../../core/usage.ts";
import { usageOf } from "./usage.ts";

it("holds each response once with its full usage in a ledger that keeps the greater row, however its transcript was cut, repeated, forked or replayed", () => {
  fc.assert(
    fc.property(histories(), ({ responses, entries, pieces, order }) => {
      const ledger = new Map<string, UsageRow>();
      for (const at of order) record(ledger, rowsOf(pieces[at]!));
      const rows = [...ledger.values()];
      expect(rows).toHaveLength(responses.length);
      expect(sumOf(rows)).toEqual(sumOf(responses));
      expect(outputByDay(rows)).toEqual(outputByDay(responses));
      expect(rows.toSorted(byKey)).toEqual(rowsOf(entries).toSorted(byKey));
    }),
    { numRuns: 500 },
  );
});

/** What was really used, told by the generator and not by the code under test. */
interface Response {
  readonly tokens: Tokens;
  readonly atMs: number;
}

interface History {
  readonly responses: readonly Response[];
  /** The whole transcript, as it grew. */
  readonly entries: readonly Entry[];
  /** Its appends, and copies of some. */
  readonly pieces: readonly (readonly Entry[])[];
  /** In which order the ledger meets the pieces. */
  readonly order: readonly number[];
}

interface Entry {
  readonly type: string;
  readonly uuid: string;
  readonly sessionId: string;
  readonly timestamp: string;
  readonly requestId?: string | undefined;
  readonly message: {
    readonly id?: string | undefined;
    readonly model?: string;
    readonly content: string;
    readonly usage?: Readonly<Record<string, unknown>>;
  };
}

/** How a response was written: `partial` has the output that its earlier blocks tell. */
interface Made {
  readonly partial: readonly number[];
  readonly more: number;
  readonly gapMs: number;
  readonly noise: number;
  readonly ids: "both" | "message" | "none";
}

/** `again`: mirrored twice or replayed; `zero`: a fork after a compaction. */
type Copy = "again" | "fork" | "zero";

const firstMs = Date.parse("2026-11-20T23:59:00Z");
const dayMs = 86_400_000;

function histories(): fc.Arbitrary<History> {
  const made = fc.record({
    partial: fc.array(fc.nat(60), { maxLength: 4 }),
    more: fc.nat(3),
    gapMs: fc.nat(30_000_000),
    noise: fc.nat(3),
    ids: fc.constantFrom("both" as const, "both" as const, "message" as const, "none" as const),
  });
  const copy = fc.record({
    of: fc.nat(20),
    how: fc.constantFrom("again" as const, "fork" as const, "zero" as const),
  });
  return fc
    .record({
      mades: fc.array(made, { minLength: 1, maxLength: 8 }),
      cuts: fc.array(fc.nat(40), { maxLength: 12 }),
      copies: fc.array(copy, { maxLength: 8 }),
      ranks: fc.array(fc.nat(1000), { minLength: 40, maxLength: 40 }),
    })
    .map(({ mades, cuts, copies, ranks }) => {
      const { responses, entries } = transcriptOf(mades);
      const ends = [...new Set([...cuts.map((cut) => cut % entries.length), entries.length])];
      const appends = ends
        .toSorted((a, b) => a - b)
        .map((end, at, sorted) => entries.slice(sorted[at - 1] ?? 0, end));
      const copied = copies.map(({ of, how }) =>
        appends[of % appends.length]!.map((entry) => copyOf(entry, how)),
      );
      const pieces = [...appends, ...copied];
      const order = pieces.map((_, at) => at).toSorted((a, b) => ranks[a]! - ranks[b]!);
      return { responses, entries, pieces, order };
    });
}

function transcriptOf(mades: readonly Made[]): Pick<History, "responses" | "entries"> {
  const entries: Entry[] = [];
  const responses: Response[] = [];
  let atMs = firstMs;
  for (const [index, { partial, more, gapMs, noise, ids }] of mades.entries()) {
    atMs += gapMs;
    // What has no ids has one block: nothing else would tell that two blocks belong together.
    const rising = ids === "none" ? [] : partial.toSorted((a, b) => a - b);
    const outputs = [...rising, (rising.at(-1) ?? 0) + more];
    for (const [at, output] of outputs.entries()) {
      entries.push(assistant({ index, at, output, atMs: atMs + at, ids }));
      for (let times = 0; times < noise; times += 1) entries.push(user(atMs + at));
    }
    const output = outputs.at(-1)!;
    responses.push({ tokens: { ...prompt, output }, atMs: atMs + outputs.indexOf(output) });
  }
  return { responses, entries };
}

const prompt = { input: 100, cacheRead: 2000, cacheWrite5m: 30, cacheWrite1h: 4 };

interface AssistantParams extends Pick<Made, "ids"> {
  readonly index: number;
  readonly at: number;
  readonly output: number;
  readonly atMs: number;
}

function assistant({ index, at, output, atMs, ids }: AssistantParams): Entry {
  return {
    ...user(atMs),
    type: "assistant",
    requestId: ids === "both" ? `req_${index}` : undefined,
    message: {
      id: ids === "none" ? undefined : `msg_${index}`,
      model: "claude-opus-4-8",
      content: `${index} ${at}`,
      usage: {
        input_tokens: 100,
        output_tokens: output,
        cache_read_input_tokens: 2000,
        cache_creation_input_tokens: 34,
        cache_creation: { ephemeral_5m_input_tokens: 30, ephemeral_1h_input_tokens: 4 },
      },
    },
  };
}

function user(atMs: number): Entry {
  const timestamp = new Date(atMs).toISOString();
  return { type: "user", uuid: "u", sessionId: "s", timestamp, message: { content: "go on" } };
}

const zeroUsage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
};

function copyOf(entry: Entry, how: Copy): Entry {
  if (how === "again") return entry;
  const timestamp = new Date(Date.parse(entry.timestamp) + dayMs).toISOString();
  const message = how === "zero" ? { ...entry.message, usage: zeroUsage } : entry.message;
  return { ...entry, uuid: "copy", sessionId: "fork", timestamp, message };
}

function rowsOf(entries: readonly Entry[]): readonly UsageRow[] {
  const bodies = entries.map((entry) => ({ body: JSON.stringify(entry) }));
  return usageOf(bodies, { lineage: "root", contentHash: (content) => content });
}

function record(ledger: Map<string, UsageRow>, rows: readonly UsageRow[]): void {
  for (const row of rows) {
    const known = ledger.get(row.key);
    ledger.set(row.key, known === undefined ? row : greaterUsage(known, row));
  }
}

function byKey(a: UsageRow, b: UsageRow): number {
  return a.key < b.key ? -1 : 1;
}

function sumOf(rows: readonly Response[]): Tokens {
  const total: Record<keyof Tokens, number> = { ...noTokens };
  for (const { tokens } of rows)
    for (const kind of Object.keys(total) as (keyof Tokens)[]) total[kind] += tokens[kind];
  return total;
}

function outputByDay(rows: readonly Response[]): Readonly<Record<string, number>> {
  const days: Record<string, number> = {};
  for (const { atMs, tokens } of rows) {
    const day = new Date(atMs).toISOString().slice(0, 10);
    days[day] = (days[day] ?? 0) + tokens.output;
  }
  return days;
}
