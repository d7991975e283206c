import type { Entry } from "../../src/core/entry.ts";
import { discardedLog, eventLog, type Run } from "../../src/core/run.ts";

/** Each run's log begins with what the interrupted runs right before it told, once and in order, and holds it nowhere else. */
export function checkReplay(runs: readonly Run[], logs: ReadonlyMap<string, readonly Entry[]>): string[] {
  const told = runs.map((run) => {
    const entries = logs.get(eventLog(run.id)) ?? logs.get(discardedLog(run.id, eventLog(run.id))) ?? [];
    return { run, events: entries.map(({ body }) => JSON.parse(body) as ToldEvent) };
  });
  return told.flatMap(({ run, events }, at) => {
    const first = events.findIndex(({ replayed }) => replayed !== true);
    const prefix = first === -1 ? events : events.slice(0, first);
    if (first !== -1 && events.slice(first).some(({ replayed }) => replayed === true))
      return [`${run.id}: shows something again behind its own events`];
    const since = told.slice(0, at).findLastIndex((other) => other.run.state !== "interrupted");
    const expected = told
      .slice(since + 1, at)
      .flatMap((other) => [
        { type: "status", status: "replay_started", of: other.run.id },
        ...other.events.filter(({ replayed }) => replayed !== true).map(withoutRun),
      ]);
    const shown = prefix.map(({ replayed: _, ...event }) => withoutRun(event));
    // A run that died before it told anything of its own may have died in the middle.
    const wanted = first === -1 ? expected.slice(0, shown.length) : expected;
    return JSON.stringify(shown) === JSON.stringify(wanted)
      ? []
      : [`${run.id}: shows ${shown.length} events again, not the ${expected.length} that were told`];
  });
}

interface ToldEvent {
  readonly type: string;
  readonly run?: string;
  readonly replayed?: boolean;
}

function withoutRun({ run: _, ...event }: ToldEvent): object {
  return event;
}
