import { isOwnLog, type SessionKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";
import { counted } from "./columns.ts";

/** What a session holds besides its logs, as far as a drop takes it along. */
export interface Artifacts {
  readonly logs: number;
  readonly entries: number;
  readonly runs: number;
  readonly inputs: number;
  readonly responses: number;
}

/** Counts what goes with a session; its logs as `list` and `show` count them, without Holdfast's own. */
export async function artifactsOf(store: Store, session: SessionKey): Promise<Artifacts> {
  const logs = (await store.logs(session)).filter(({ log }) => !isOwnLog(log));
  const usage = await store.usage({ by: "session", session });
  return {
    logs: logs.length,
    entries: logs.reduce((sum, { head }) => sum + head, 0),
    runs: await runsOf(store, session),
    inputs: (await store.inputs({ session, limit: 1000 })).length,
    responses: usage.reduce((sum, { responses }) => sum + responses, 0),
  };
}

/** The same in words. */
export function artifactsLine({ logs, entries, runs, inputs, responses }: Artifacts): string {
  const more = Object.entries({ run: runs, input: inputs, "counted response": responses });
  const rest = more.flatMap(([noun, count]) => (count === 0 ? [] : [counted(count, noun)]));
  return [counted(logs, "log"), counted(entries, "entry"), ...rest].join(", ");
}

async function runsOf(store: Store, session: SessionKey): Promise<number> {
  let count = 0;
  for (let cursor: string | undefined; ;) {
    const page = await store.runs({ session, limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    count += page.runs.length;
    cursor = page.cursor;
    if (cursor === undefined) return count;
  }
}
