import { mkdtempSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../src/core/clock.ts";
import type { EntryInput } from "../../src/core/entry.ts";
import { eventEntry, type RunEvent } from "../../src/core/event.ts";
import { type Claim, eventLog, type Run } from "../../src/core/run.ts";
import { stepEntry, stepLog, type StepRecord } from "../../src/core/steps.ts";
import type { Store } from "../../src/core/store.ts";
import { noTokens } from "../../src/core/usage.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";
import { rowsOfStore } from "../postgres/rows.ts";
import { postgresStores } from "../postgres/stores.ts";
import { SuiteClock } from "../../src/testing/store-suite/harness.ts";
import { logKey, sessionKey } from "../../src/testing/store-suite/samples.ts";
import {
  admitTo,
  fenceOf,
  leaseMs,
  stage,
  startMs,
  workSnapshot,
} from "../../src/testing/store-suite/work-samples.ts";

/** A store of each driver, with its clock standing still. */
export class Stores implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-recovery-"));
  readonly #postgres = postgresStores();
  #opened = 0;

  readonly all = [
    { driver: "memory", open: async (clock: Clock) => openMemoryStore({ clock }) },
    { driver: "sqlite", open: async (clock: Clock) => this.sqlite(clock, `${(this.#opened += 1)}.db`) },
    { driver: "postgres", open: async (clock: Clock) => await this.#postgres.open(clock) },
  ];

  sqlite(clock: Clock, name: string): Store {
    return openSqliteStore({ path: join(this.folder, name), clock });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A clock that stands still. */
export function stoppedClock(atMs = startMs): SuiteClock {
  const clock = new SuiteClock();
  clock.stopAt(atMs);
  return clock;
}

/** Begins a run of a session on an input of the scripted agent's. */
export async function beginRun(store: Store, session: string, worker = "w-1"): Promise<Claim> {
  const known = await store.inputs({ session: sessionKey(session), state: "queued" });
  if (known.length === 0) await admitTo(store, session, `k-${session}`, { provider: "scripted" });
  const claim = await store.claim({ worker, leaseMs, session });
  if (claim === null) throw new Error(`There was nothing to claim in ${session}.`);
  return claim;
}

/** What a worker left behind when it died, named by what recovery makes of it. */
export const tails = {
  /** The run's own result is there, and nothing behind it. */
  done: async (store: Store, claim: Claim) => {
    await stage(store, claim, [said(claim, 1, "user", "Do it."), said(claim, 2, "assistant", "It is done.")]);
    await stageEvents(store, claim, [
      { type: "status", status: "started", resume: `resume ${claim.run.session}` },
      { type: "user", text: "Do it." },
      { type: "assistant", text: "It is done." },
      {
        type: "usage",
        key: `usage ${claim.run.id}`,
        model: "m",
        tokens: { ...noTokens, input: 5, output: 7 },
      },
      { type: "result", ok: true, text: "It is done." },
    ]);
  },
  /** A tool call without its result. */
  open: async (store: Store, claim: Claim) => {
    const call = `call ${claim.run.id}`;
    await stage(store, claim, [said(claim, 1, "user", "Do it."), toolUse(claim, 2, call)]);
    await stageEvents(store, claim, [
      { type: "user", text: "Do it." },
      {
        type: "usage",
        key: `usage ${claim.run.id}`,
        model: "m",
        tokens: { ...noTokens, input: 3, output: 4 },
      },
      { type: "tool_call", call, name: "Pay", step: "1" },
    ]);
  },
  /** An event that cannot be read, behind what would be the result. */
  corrupt: async (store: Store, claim: Claim) => {
    await tails.done(store, claim);
    await stage(store, claim, [{ body: '{"type":"result","ok":"perhaps"}' }], eventLog(claim.run.id));
  },
  /** Died before it wrote anything. */
  empty: async () => undefined,
} as const satisfies Record<string, (store: Store, claim: Claim) => Promise<void>>;

/** Begins a run, leaves a tail, and lets the lease lapse. */
export async function leave(
  store: Store,
  clock: SuiteClock,
  kinds: Readonly<Record<string, keyof typeof tails>>,
): Promise<Record<string, Claim>> {
  const claims: Record<string, Claim> = {};
  for (const [session, kind] of Object.entries(kinds)) {
    claims[session] = await beginRun(store, session);
    await tails[kind](store, claims[session]);
  }
  clock.advance(leaseMs);
  return claims;
}

/** Writes to the input's step journal, as a worker does. */
export async function recordStep(
  store: Store,
  { run, lease }: Claim,
  record: Pick<StepRecord, "type" | "effect">,
): Promise<void> {
  const step = { value: "paid", name: "Pay", key: "1", run: run.id, ...record } as StepRecord;
  const log = logKey(run.session, stepLog(run.input));
  await store.append({ log, entries: [stepEntry(step)], fence: fenceOf(lease) });
}

export async function stageEvents(store: Store, claim: Claim, events: readonly RunEvent[]): Promise<void> {
  const entries = events.map((event) => eventEntry({ run: claim.run.id, event }));
  await stage(store, claim, entries, eventLog(claim.run.id));
}

export function said(
  { run }: { readonly run: Run },
  n: number,
  role: "user" | "assistant",
  text: string,
): EntryInput {
  return entryOf(run, n, role, [{ type: "text", text }]);
}

export function toolUse({ run }: { readonly run: Run }, n: number, id: string): EntryInput {
  return entryOf(run, n, "assistant", [{ type: "tool_use", id, name: "Pay", input: {} }]);
}

export function toolResult({ run }: { readonly run: Run }, n: number, id: string): EntryInput {
  return entryOf(run, n, "user", [{ type: "tool_result", tool_use_id: id, content: "paid" }]);
}

/** All that any verb tells about these sessions, and but for a store in memory each row of each table. */
export async function dumpOf(store: Store, sessions: readonly string[]): Promise<unknown> {
  const told = [];
  for (const session of sessions) told.push(await workSnapshot(store, session));
  if (store.url.startsWith("postgres:")) return [told, await rowsOfStore(store)];
  return store.url.startsWith("sqlite:") ? [told, rowsOf(store.url.slice("sqlite:".length))] : told;
}

/** Each row of each table of a file. */
export function rowsOf(path: string): Record<string, unknown[]> {
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = file
      .prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
      .all()
      .map(({ name }) => String(name));
    return Object.fromEntries(tables.map((name) => [name, file.prepare(`SELECT * FROM "${name}"`).all()]));
  } finally {
    file.close();
  }
}

/** A store of which some verbs are done otherwise. */
export function storeWith(store: Store, verbs: Partial<Store>): Store {
  return new Proxy(store, {
    get(target, name) {
      const own = (verbs as Record<PropertyKey, unknown>)[name];
      const value = own ?? (Reflect.get(target, name) as unknown);
      return typeof value === "function" && own === undefined ? value.bind(target) : value;
    },
  });
}

function entryOf(run: Run, n: number, type: "user" | "assistant", content: readonly object[]): EntryInput {
  const uuid = `${run.id}/${n}`;
  const message = { role: type, content, ...(type === "assistant" ? { id: `msg ${uuid}` } : {}) };
  const parentUuid = n === 1 ? null : `${run.id}/${n - 1}`;
  const timestamp = new Date(startMs + n).toISOString();
  return { uuid, body: JSON.stringify({ parentUuid, isSidechain: false, type, message, uuid, timestamp }) };
}
