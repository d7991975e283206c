import type { SessionKey } from "../../core/ids.ts";
import { noTokens, type Tokens, type UsageGroup, type UsageParams, type UsageRow } from "../../core/usage.ts";
import { idOf, type State } from "./state.ts";

/** Sums of what the responses used. */
export function usage(state: State, params: UsageParams): UsageGroup[] {
  const groups = new Map<string | null, UsageGroup>();
  for (const { session, row } of state.usage.values()) {
    if (!isWanted(session, params)) continue;
    if (row.atMs < (params.sinceMs ?? -Infinity) || row.atMs >= (params.untilMs ?? Infinity)) continue;
    const name = nameOf(state, session, row, params.by);
    groups.set(name, sumOf(groups.get(name) ?? empty(name), row));
  }
  return [...groups.values()].toSorted(byName);
}

function isWanted(key: SessionKey, { project, session }: UsageParams): boolean {
  if (project !== undefined && key.project !== project) return false;
  return session === undefined || idOf(session) === idOf(key);
}

function nameOf(state: State, key: SessionKey, row: UsageRow, by: UsageParams["by"]): string | null {
  if (by === "day") return new Date(row.atMs).toISOString().slice(0, 10);
  if (by === "model") return row.model;
  if (by === "project") return key.project;
  if (by === "session") return key.session;
  const labels = state.sessions.get(idOf(key))?.labels ?? {};
  return Object.hasOwn(labels, by.label) ? labels[by.label]! : null;
}

function empty(name: string | null): UsageGroup {
  return { name, responses: 0, tokens: noTokens, microDollars: 0, unpriced: 0 };
}

function sumOf(group: UsageGroup, { tokens, microDollars }: UsageRow): UsageGroup {
  return {
    name: group.name,
    responses: group.responses + 1,
    tokens: addTokens(group.tokens, tokens),
    microDollars: group.microDollars + (microDollars ?? 0),
    unpriced: group.unpriced + (microDollars === null ? 1 : 0),
  };
}

function addTokens(a: Tokens, b: Tokens): Tokens {
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite5m: a.cacheWrite5m + b.cacheWrite5m,
    cacheWrite1h: a.cacheWrite1h + b.cacheWrite1h,
  };
}

function byName({ name: a }: UsageGroup, { name: b }: UsageGroup): number {
  if (a === null || b === null) return a === null ? 1 : -1;
  return a < b ? -1 : 1;
}
