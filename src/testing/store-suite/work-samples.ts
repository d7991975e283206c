import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { EntryInput } from "../../core/entry.ts";
import type { Input } from "../../core/input.ts";
import type { Claim, CommitResult, EndRunParams, EndRunResult, TailPart } from "../../core/run.ts";
import type { AppendResult, FoldState, Store } from "../../core/store.ts";
import type { UsageRow } from "../../core/usage.ts";
import { logKey, sessionKey, snapshot } from "./samples.ts";

/** Where a test's clock stands still. */
export const startMs = Date.UTC(2030, 0, 15, 12);
/** How long the leases of most tests last. */
export const leaseMs = 60_000;
/** How the runs of most tests end. */
export const outcome = '{"ok":true}';

/** Admits an input; its body names its key. */
export async function admitTo(
  store: Store,
  session: string,
  key: string,
  more: { readonly priority?: number; readonly provider?: string } = {},
): Promise<Input> {
  const params = { session: sessionKey(session), key, body: JSON.stringify({ ask: key }), ...more };
  return (await store.admit(params)).input;
}

/** Claims what comes next, which must be something. */
export async function claimNext(store: Store, worker = "w-1"): Promise<Claim> {
  const claim = await store.claim({ worker, leaseMs });
  if (claim === null) throw new Error("There was nothing to claim.");
  return claim;
}

/** Begins a run of a session on a new input. */
export async function begin(store: Store, session = "s-1", key = "k-1"): Promise<Claim> {
  await admitTo(store, session, key);
  const claim = await store.claim({ worker: "w-1", leaseMs, session });
  if (claim === null) throw new Error(`There was nothing to claim in ${session}.`);
  return claim;
}

/** Stages entries for a run. */
export function stage(
  store: Store,
  { run, lease }: Claim,
  entries: readonly EntryInput[],
  log = "",
): Promise<AppendResult> {
  return store.append({ log: logKey(run.session, log), entries, fence: fenceOf(lease), run: run.id });
}

/** What a fenced write carries, and no more. */
export function fenceOf({ epoch }: { readonly epoch: number }): { readonly epoch: number } {
  return { epoch };
}

/** What a run has staged. */
export async function partsOf(store: Store, { run }: Pick<Claim, "run">): Promise<readonly TailPart[]> {
  return (await store.tail({ run: run.id })).parts;
}

/** Commits a run with all that it has staged. */
export async function commitOf(
  store: Store,
  claim: Claim,
  more: Partial<Parameters<Store["commit"]>[0]> = {},
): Promise<CommitResult> {
  const { run, lease } = claim;
  const parts = more.parts ?? (await partsOf(store, claim));
  const session = sessionKey(run.session);
  return store.commit({ session, run: run.id, epoch: lease.epoch, outcome, ...more, parts });
}

/** Ends a run with all that it has staged. */
export async function endOf(
  store: Store,
  claim: Claim,
  as: EndRunParams["as"],
  more: Partial<EndRunParams> = {},
): Promise<EndRunResult> {
  const { run, lease } = claim;
  const parts = more.parts ?? (await partsOf(store, claim));
  const session = sessionKey(run.session);
  const base = { session, run: run.id, epoch: lease.epoch, as, reason: "stopped", actor: "tester" };
  return store.endRun({ ...base, ...more, parts });
}

/** Takes over a session whose lease has ended. */
export async function takeOver(store: Store, claim: Claim, owner = "w-2"): Promise<Claim> {
  const lease = await store.acquireLease({ session: sessionKey(claim.run.session), owner, leaseMs });
  return { ...claim, lease };
}

/** SHA-256 in hex of bodies, each followed by a line feed. */
export function hashOf(entries: readonly EntryInput[]): string {
  return sha256(entries.map(({ body }) => `${body}\n`).join(""));
}

/** SHA-256 of a text, in hex. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A fold that counts the entries it was given. */
export function counting({ summary }: FoldState, appended: readonly EntryInput[]): FoldState {
  const before = summary === null ? 0 : (JSON.parse(summary) as { count: number }).count;
  const count = before + appended.length;
  return { summary: JSON.stringify({ count }), title: `${count} entries` };
}

/** A response's usage: `n` tokens of input and so on. */
export function used(key: string, n: number, more: Partial<UsageRow> = {}): UsageRow {
  const tokens = { input: n, output: 2 * n, cacheRead: 3 * n, cacheWrite5m: 4 * n, cacheWrite1h: 5 * n };
  return { key, model: "m-1", atMs: startMs, tokens, microDollars: 10 * n, ...more };
}

/** Everything that any verb tells about a session, to prove that something changed nothing. */
export async function workSnapshot(store: Store, session = "s-1"): Promise<unknown> {
  const key = sessionKey(session);
  const { runs } = await store.runs({ session: key });
  assert.ok(Array.isArray(runs), "There is no list of runs.");
  const open = runs.filter(({ state }) => state === "running" || state === "held");
  return {
    ...((await snapshot(store, session)) as object),
    lease: await store.lease(key),
    inputs: await store.inputs({ session: key }),
    runs,
    tails: await Promise.all(open.map(({ id }) => store.tail({ run: id }))),
    audit: await store.audit(),
    usage: await store.usage({ by: "session" }),
    projections: await store.projections(),
  };
}
