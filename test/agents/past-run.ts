import { randomUUID } from "node:crypto";
import type { SessionKey } from "../../src/core/ids.ts";
import { eventEntry, type RunEvent } from "../../src/core/event.ts";
import { eventLog } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";

export interface PastRun {
  readonly store: Store;
  readonly session: SessionKey;
  readonly events: readonly RunEvent[];
  /** What it staged for the main transcript. */
  readonly lines?: readonly object[];
  readonly as: "committed" | "interrupted" | "discarded";
}

/** A run of an earlier host, which told these events. */
export async function play({ store, session, events, lines = [], as }: PastRun): Promise<string> {
  await store.admit({ session, key: randomUUID(), body: "{}", provider: "claude-code" });
  const { run, lease } = (await store.claim({ worker: "w", leaseMs: 1000 }))!;
  const staged = { fence: lease, run: run.id };
  const log = { ...session, log: eventLog(run.id) };
  await store.append({ ...staged, log, entries: events.map((event) => eventEntry({ run: run.id, event })) });
  const entries = lines.map((line) => {
    return { body: JSON.stringify(line), ...("uuid" in line && { uuid: line.uuid as string }) };
  });
  if (entries.length > 0) await store.append({ ...staged, log: { ...session, log: "" }, entries });
  const { parts } = await store.tail({ run: run.id });
  const end = { session, run: run.id, epoch: lease.epoch, parts, actor: "test", reason: "" };
  if (as === "committed") await store.commit({ ...end, outcome: "{}" });
  else await store.endRun({ ...end, as });
  return run.id;
}
