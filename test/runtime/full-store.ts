import type { LogKey, SessionKey } from "../../src/core/ids.ts";
import { eventLog } from "../../src/core/run.ts";
import { stepEntry, stepLog } from "../../src/core/steps.ts";
import type { Store } from "../../src/core/store.ts";

/** A session of the project that these tests use. */
export function sessionOf(session: string): SessionKey {
  return { project: "p", session };
}

/** Its main log, or another one. */
export function logOf(session: string, log = ""): LogKey {
  return { ...sessionOf(session), log };
}

/** Entries that say their number; every third has no uuid. */
export function entriesOf(from: number, to: number, atMs = 1_700_000_000_000) {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const n = from + index;
    const body = JSON.stringify({ n, text: "é\u2028 and more ".repeat(n % 5) });
    return { body, atMs: atMs + n, ...(n % 3 === 0 ? {} : { uuid: `u-${n}` }) };
  });
}

/** Fills a store with one of everything that a session may have, and sessions that no list shows. */
export async function fillStore(store: Store): Promise<void> {
  await fillTalk(store);
  await fillWork(store);
  await store.append({ log: logOf("unseen", "@run/90.1"), entries: entriesOf(1, 3) });
  await store.admit({ session: sessionOf("asked"), key: "k", body: "{}" });
  for (const [session, sealed] of [
    ["gone", true],
    ["deleted", false],
  ] as const) {
    await store.append({ log: logOf(session), entries: entriesOf(1, 2) });
    await store.drop({ session: sessionOf(session), actor: "ann", reason: "old", sealed });
  }
}

async function fillTalk(store: Store): Promise<void> {
  const fold = () => ({ summary: '{"n":7}', title: "Folded" });
  await store.append({
    log: logOf("talk", "subagents/agent-1"),
    entries: entriesOf(1, 4),
    provider: "claude-code",
  });
  await store.putBlob({ session: sessionOf("talk"), bytes: Uint8Array.of(1, 2, 3) });
  await store.append({ log: logOf("talk"), entries: entriesOf(1, 7), fold });
  await store.describe({
    session: sessionOf("talk"),
    labels: { team: "core" },
    resume: { key: "ticket-1", token: "t-1" },
  });
  await store.append({ log: logOf("named"), entries: entriesOf(1, 2) });
  await store.describe({ session: sessionOf("named"), title: "Mine" });
}

/** One turn that was committed at the second try with a step, one that is discarded, one at work, one queued. */
async function fillWork(store: Store): Promise<void> {
  const session = sessionOf("work");
  for (const key of ["k1", "k2", "k3", "k4"])
    await store.admit({ session, key, body: JSON.stringify({ ask: key }), provider: "scripted" });
  const end = { session, reason: "why", actor: "test" };
  for (const as of ["interrupted", "committed", "discarded"] as const) {
    const { run, lease } = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
    const fence = { epoch: lease.epoch };
    const step = stepEntry({ type: "started", name: as, key: "1", effect: "unsafe", run: run.id });
    await store.append({ log: { ...session, log: stepLog(run.input) }, entries: [step], fence });
    await store.append({
      log: { ...session, log: eventLog(run.id) },
      entries: entriesOf(1, 2),
      fence,
      run: run.id,
    });
    await store.append({
      log: { ...session, log: "" },
      entries: [{ body: `{"as":"${as}"}` }],
      fence,
      run: run.id,
    });
    const { parts } = await store.tail({ run: run.id });
    const of = { ...fence, run: run.id, parts };
    const usage = [{ key: `m-${as}`, model: "m", atMs: 5, tokens, microDollars: 3 }];
    if (as === "committed") await store.commit({ ...of, session, outcome: "{}", usage, resumeToken: "t-9" });
    else await store.endRun({ ...end, ...of, as, usage, requeue: as === "interrupted" });
  }
  const { run, lease } = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
  await store.append({ log: { ...session, log: "" }, entries: entriesOf(50, 51), fence: lease, run: run.id });
}

const tokens = { input: 1, output: 2, cacheRead: 3, cacheWrite5m: 4, cacheWrite1h: 5 };
