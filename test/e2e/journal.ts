import { stepLog } from "../../src/core/steps.ts";
import type { Store } from "../../src/index.ts";

/** What the journal of a run's input says of each step, in order. */
export async function readJournalOf(store: Store, run: string): Promise<Record<string, unknown>[]> {
  const { project, session, input } = (await store.run({ run }))!;
  const { entries } = await store.read({ log: { project, session, log: stepLog(input) } });
  return entries.map(({ body }) => {
    const { type, name, key } = JSON.parse(body) as Record<string, unknown>;
    return { type, name, key };
  });
}
