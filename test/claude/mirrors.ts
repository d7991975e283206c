import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClaudeSessionStore, claudeSessionStore } from "../../src/agents/claude/adapter.ts";
import type { ClaudeEntry } from "../../src/agents/claude/contract.ts";
import type { LeaseTimer } from "../../src/agents/claude/lease-timer.ts";
import type { ClaudeBranch } from "../../src/agents/claude/log-heads.ts";
import type { ClaudeLeaseOptions } from "../../src/agents/claude/session-writer.ts";
import type { HoldfastError } from "../../src/core/errors.ts";
import type { Store } from "../../src/core/store.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

export const main = { projectKey: "-home-dev", sessionId: "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11" };
export const agent = { ...main, subpath: "subagents/agent-1" };
export const key = { project: main.projectKey, session: main.sessionId };
export const leaseMs = 30_000;
const idleMs = 60_000;

export const drivers = {
  memory: () => {
    const time = { nowMs: 1_800_000_000_000 };
    const store = openMemoryStore({ clock: { now: () => time.nowMs } });
    return { time, stores: [store, store], end: () => store.close() };
  },
  "two handles of one SQLite file": () => {
    const time = { nowMs: 1_800_000_000_000 };
    const folder = mkdtempSync(join(tmpdir(), "holdfast-leases-"));
    const open = (): Store =>
      openSqliteStore({
        path: join(folder, "holdfast.db"),
        clock: { now: () => time.nowMs },
        synchronous: "NORMAL",
      });
    const stores = [open(), open()];
    const end = async (): Promise<void> => {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true, force: true });
    };
    return { time, stores, end };
  },
} satisfies Record<string, () => World>;

export interface World {
  readonly time: { nowMs: number };
  readonly stores: readonly Store[];
  readonly end: () => Promise<void>;
}

/** A mirror in a process of its own, whose time runs when the test says so. */
export interface Mirror {
  readonly sessions: ClaudeSessionStore;
  readonly store: Store;
  readonly losses: HoldfastError[];
  readonly branches: ClaudeBranch[];
  readonly warnings: string[];
  /** Lets this mirror's timers run; how many there were. */
  readonly tick: () => Promise<number>;
}

export function mirrorIn({ time, stores }: World, which: number, options: ClaudeLeaseOptions = {}): Mirror {
  const store = stores[which]!;
  const calls = new Set<() => Promise<void>>();
  const leaseTimer: LeaseTimer = {
    now: () => time.nowMs,
    every: (_, call) => {
      calls.add(call);
      return () => calls.delete(call);
    },
  };
  const [losses, branches, warnings]: [HoldfastError[], ClaudeBranch[], string[]] = [[], [], []];
  const sessions = claudeSessionStore(store, {
    lease: "auto",
    leaseMs,
    leaseIdleMs: idleMs,
    leaseTimer,
    onLeaseLost: (error) => losses.push(error),
    onBranch: (branch) => branches.push(branch),
    onWarning: (warning) => warnings.push(warning),
    ...options,
  });
  const tick = async (): Promise<number> => {
    const due = [...calls];
    for (const call of due) await call();
    return due.length;
  };
  return { sessions, store, losses, branches, warnings, tick };
}

export function said(uuid: string, parentUuid: string | null): ClaudeEntry {
  return { type: "user", uuid, parentUuid, message: { role: "user", content: uuid } };
}

export async function uuidsIn(store: Store): Promise<unknown[]> {
  return ((await claudeSessionStore(store).load(main)) ?? []).map(({ uuid }) => uuid);
}
