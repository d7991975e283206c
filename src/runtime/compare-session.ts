import { createHash } from "node:crypto";
import { type Holding, isFinal } from "../core/holdings.ts";
import type { LogKey, SessionKey } from "../core/ids.ts";
import type { LogRow, Store } from "../core/store.ts";
import { digestLog, type LogDigest } from "./log-digest.ts";
import { holdingsOf } from "./session-keys.ts";

/** One thing that is not at the target as it is at the source. */
export interface Difference extends SessionKey {
  readonly what: "session" | "log" | Holding["kind"];
  readonly log?: string;
  /** A sentence for people. */
  readonly message: string;
}

/** A log on both sides; null where it is not. */
export interface LogParity extends LogKey {
  readonly from: LogDigest | null;
  readonly to: LogDigest | null;
  readonly equal: boolean;
  /** How many entries both begin with, where one is the beginning of the other; else 0. */
  readonly common: number;
}

/** What is at work in the source and belongs to no copy: it is told, and never lost silently. */
export interface OpenWork {
  readonly queuedInputs: number;
  /** Each with its open run, and what that has staged. */
  readonly runningInputs: number;
  readonly leases: number;
}

export interface SessionParity {
  readonly logs: readonly LogParity[];
  readonly differences: readonly Difference[];
  readonly open: OpenWork;
}

/** Compares one session in both stores, reading only. */
export async function compareSession({ from, to }: Stores, key: SessionKey): Promise<SessionParity> {
  const logs = await compareLogs({ from, to }, key);
  const differences = logs.filter(({ equal }) => !equal).map(logDifference);
  const held = await compareHoldings({ from, to }, key);
  const { queuedInputs, runningInputs } = held;
  const leases = held.leased && (await from.lease(key)) !== null ? 1 : 0;
  return {
    logs,
    differences: [...differences, ...held.differences],
    open: { queuedInputs, runningInputs, leases },
  };
}

export interface Stores {
  readonly from: Store;
  readonly to: Store;
}

async function compareLogs({ from, to }: Stores, key: SessionKey): Promise<LogParity[]> {
  const [here, there] = await Promise.all([from.logs(key), to.logs(key)]);
  const rows = new Map<string, { from?: LogRow; to?: LogRow }>();
  for (const row of here) rows.set(row.log, { from: row });
  for (const row of there) rows.set(row.log, { ...rows.get(row.log), to: row });
  const found: LogParity[] = [];
  for (const [log, row] of rows) found.push(await compareLog({ from, to }, { ...key, log }, row));
  return found;
}

async function compareLog(
  { from, to }: Stores,
  log: LogKey,
  rows: { readonly from?: LogRow; readonly to?: LogRow },
): Promise<LogParity> {
  const [ours, theirs] = [rows.from?.committed ?? 0, rows.to?.committed ?? 0];
  const mark = Math.min(ours, theirs);
  const [here, there] = await Promise.all([
    rows.from === undefined ? undefined : digestLog(from, log, { entries: ours, mark }),
    rows.to === undefined ? undefined : digestLog(to, log, { entries: theirs, mark }),
  ]);
  const equal = here?.whole.sha256 === there?.whole.sha256;
  const sides = { from: here?.whole ?? null, to: there?.whole ?? null, equal };
  return { ...log, ...sides, common: here?.marked.sha256 === there?.marked.sha256 ? mark : 0 };
}

function logDifference({ project, session, log, from, to, common }: LogParity): Difference {
  const name = log === "" ? "The main log" : `Log ${log}`;
  const about = { project, session, what: "log", log } as const;
  if (to === null) return { ...about, message: `${name} is not at the target.` };
  if (from === null) return { ...about, message: `${name} is at the target alone.` };
  return { ...about, message: `${name} ${comparison(from.entries, to.entries, common)}.` };
}

function comparison(here: number, there: number, common: number): string {
  if (common === 0) return `is another one at the target: ${there} entries, and ${here} here`;
  if (there < here) return `has its first ${there} of ${here} entries at the target`;
  return `has ${there - here} more entries at the target than the ${here} here`;
}

interface HoldingParity extends Omit<OpenWork, "leases"> {
  readonly leased: boolean;
  readonly differences: readonly Difference[];
}

/** The price: a hash of each of the target's holdings of one session is in memory at a time. */
async function compareHoldings({ from, to }: Stores, key: SessionKey): Promise<HoldingParity> {
  const there = new Set<string>();
  const missing = new Map<Holding["kind"], number>();
  let [queuedInputs, runningInputs, epochThere, leased] = [0, 0, 0, false];
  for await (const page of holdingsOf(to, key))
    for (const holding of page) {
      if (holding.kind === "epoch") epochThere = holding.epoch;
      else there.add(identityOf(holding));
    }
  for await (const page of holdingsOf(from, key))
    for (const holding of page) {
      const { kind } = holding;
      if (kind === "input" && holding.input.state === "queued") queuedInputs += 1;
      if (kind === "input" && holding.input.state === "running") runningInputs += 1;
      if (kind === "epoch") leased = true;
      if (
        kind === "epoch" ? holding.epoch <= epochThere : isLeftOut(holding) || there.has(identityOf(holding))
      )
        continue;
      missing.set(kind, (missing.get(kind) ?? 0) + 1);
    }
  const differences = [...missing].map(([what, count]) => {
    const { project, session } = key;
    return { project, session, what, message: missingText(what, count) };
  });
  return { queuedInputs, runningInputs, leased, differences };
}

function isLeftOut(holding: Holding): boolean {
  return holding.kind === "input" && !isFinal(holding.input);
}

// Of a row what its logs tell is left out: they are compared by themselves.
function identityOf(holding: Holding): string {
  if (holding.kind === "row") {
    const { mainHead: _, entries: __, length: ___, ...row } = holding.row;
    return hashOf({ ...holding, row });
  }
  return hashOf(holding);
}

function hashOf(holding: object): string {
  return createHash("sha256").update(JSON.stringify(holding, inOrder)).digest("base64");
}

// Two stores may give the fields of one row in different orders.
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function missingText(kind: Holding["kind"], count: number): string {
  const isOne = count === 1;
  switch (kind) {
    case "tombstone":
      return "It was dropped here, and the target does not say so.";
    case "row":
      return "Its row (title, labels, summary, resume key) is another one at the target.";
    case "epoch":
      return "The target could give an epoch again that was given here.";
    case "input":
      return `${count} ${isOne ? "input that has ended is" : "inputs that have ended are"} not at the target under ${isOne ? "its" : "their"} id.`;
    case "usage":
      return `The usage of ${count} ${isOne ? "response is" : "responses is"} not the same at the target.`;
    case "audit":
      return `${count} audit ${isOne ? "row is" : "rows are"} not at the target.`;
    case "blob":
      return `${count} ${isOne ? "blob is" : "blobs are"} not at the target.`;
  }
}
