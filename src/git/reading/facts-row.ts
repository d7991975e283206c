import type { Tokens } from "../../core/usage.ts";
import type { CheckpointFacts, SessionFacts } from "./checkpoint-facts.ts";
import type { TokenFacts } from "./token-facts.ts";

/** Facts as a row of values without names, which is read three times as fast. */
export function factsRow(facts: CheckpointFacts): string {
  const { atMs, branch, files, usage, sessions, findings } = facts;
  return JSON.stringify([atMs, branch, files, usageRow(usage), findings, sessions.map(sessionRow)]);
}

/** The facts of a row; undefined where it is none. */
export function factsOfRow(id: string, version: string, text: string): CheckpointFacts | undefined {
  const row = rowIn(text);
  if (row?.length !== 6 || !Array.isArray(row[5])) return undefined;
  const [atMs, branch, files, usage, findings, sessions] = row as FactsRow;
  return {
    id,
    version,
    atMs,
    branch,
    files,
    usage: usageOf(usage),
    sessions: sessions.map(sessionOf),
    findings,
  };
}

type UsageRow = readonly number[] | null;
type FactsRow = readonly [
  number | null,
  string | null,
  number,
  UsageRow,
  number,
  readonly (readonly unknown[])[],
];

function rowIn(text: string): readonly unknown[] | undefined {
  try {
    const row: unknown = JSON.parse(text);
    return Array.isArray(row) ? row : undefined;
  } catch {
    return undefined;
  }
}

function sessionRow({ slot, session, agent, model, atMs, prompts, prompt, usage }: SessionFacts): unknown[] {
  return [slot, session, agent, model, atMs, prompts, prompt, usageRow(usage)];
}

function sessionOf(row: readonly unknown[]): SessionFacts {
  const [slot, session, agent, model, atMs, prompts, prompt, usage] = row as [
    number,
    string | null,
    string | null,
    string | null,
    number | null,
    number,
    string | null,
    UsageRow,
  ];
  return { slot, session, agent, model, atMs, prompts, prompt, usage: usageOf(usage) };
}

function usageRow(usage: TokenFacts | null): UsageRow {
  if (usage === null) return null;
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = usage.tokens;
  return [usage.calls, input, output, cacheRead, cacheWrite5m, cacheWrite1h];
}

function usageOf(row: UsageRow): TokenFacts | null {
  if (row === null) return null;
  const [calls = 0, input = 0, output = 0, cacheRead = 0, cacheWrite5m = 0, cacheWrite1h = 0] = row;
  const tokens: Tokens = { input, output, cacheRead, cacheWrite5m, cacheWrite1h };
  return { calls, tokens };
}
