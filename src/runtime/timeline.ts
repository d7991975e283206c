import { type EventEnvelope, readEvent, type RunEvent } from "../core/event.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { Entry } from "../core/entry.ts";
import { discardedLog, eventLog, type Run } from "../core/run.ts";
import type { ReadParams, ReadResult, Store } from "../core/store.ts";
import { runUnknown } from "../core/work-checks.ts";

export interface TimelineParams {
  readonly store: Store;
  readonly run: string;
  /** Only what stands behind this seq. */
  readonly after?: number;
}

/**
 * What happened in a run up to now, read in pages from where it is: staged, committed, or put aside with a discarded run.
 * What is damaged is told as a notice. @throws run_unknown
 */
export async function* readTimeline({
  store,
  run: id,
  after = 0,
}: TimelineParams): AsyncGenerator<EventEnvelope> {
  for (let last = after; ;) {
    const run = await store.run({ run: id });
    if (run === null) throw runUnknown(id);
    const page = await readUnlessEnded(store, run, { after: last, limit: pageSize });
    // Its log has moved: the next look finds where to.
    if (page === undefined) continue;
    const shown = run.state === "discarded" ? 0 : page.committed;
    for (const entry of page.entries) yield envelopeOf(id, entry, shown);
    last = page.entries.at(-1)?.seq ?? last;
    if (page.entries.length === 0 || last >= page.head) return;
  }
}

const pageSize = 500;

async function readUnlessEnded(
  store: Store,
  run: Run,
  page: Pick<ReadParams, "after" | "limit">,
): Promise<ReadResult | undefined> {
  const { project, session, id, state } = run;
  const isOpen = state === "running" || state === "held";
  const log = state === "discarded" ? discardedLog(id, eventLog(id)) : eventLog(id);
  try {
    return await store.read({ ...page, log: { project, session, log }, ...(isOpen ? { run: id } : {}) });
  } catch (error) {
    if (isOpen && isHoldfastError(error) && error.code === "run_closed") return undefined;
    throw error;
  }
}

function envelopeOf(run: string, { seq, atMs, body }: Entry, committed: number): EventEnvelope {
  const read = readEvent(body);
  const damaged = (fault: string): RunEvent => ({ type: "notice", text: `An event ${fault}.`, raw: body });
  const event = "event" in read ? read.event : damaged(read.fault);
  return { run, seq, atMs, committed: seq <= committed, replayed: event.replayed === true, event };
}
