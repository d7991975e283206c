import { eventEntry, type RunEvent } from "../core/event.ts";
import type { ReplayParams } from "./replay.ts";

/**
 * What the provider itself kept of the session's last run, or in words why it gives no more: it may be out of reach,
 * slow or damaged, and the turn goes on without it.
 */
export async function* historyOf(
  params: ReplayParams,
): AsyncGenerator<RunEvent | { readonly fault: string }> {
  const { store, agent, claim, timers, signal, onError } = params;
  const { project, session, id } = claim.run;
  const row = await store.session({ project, session });
  const ended = new AbortController();
  const over = AbortSignal.any([signal, ended.signal]);
  const resume = row?.resumeToken == null ? {} : { resume: row.resumeToken };
  const late = timers.wait(mostMs, over).then(() => "late" as const);
  let events: AsyncIterator<RunEvent> | undefined;
  try {
    for (;;) {
      let next: IteratorResult<RunEvent, unknown> | "late" | undefined;
      try {
        events ??= agent
          .history?.({ session: { project, session }, ...resume, signal: over })
          [Symbol.asyncIterator]();
        if (events === undefined) return;
        next = await Promise.race([events.next(), late]);
        if (next !== "late" && next.done !== true) eventEntry({ run: id, event: next.value });
      } catch (error) {
        signal.throwIfAborted();
        onError?.(error);
        return yield { fault: "could not be read" };
      }
      signal.throwIfAborted();
      if (next === "late") return yield { fault: `took longer than ${mostMs} ms` };
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    ended.abort();
    // Nobody waits for how it ends.
    void events?.return?.()?.catch(() => undefined);
  }
}

/** The agent waits meanwhile. */
const mostMs = 5000;
