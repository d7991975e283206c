import type { SessionKey } from "../core/ids.ts";
import { type Fate, fateOf, type Input } from "../core/input.ts";
import type { Run } from "../core/run.ts";
import type { Store } from "../core/store.ts";

/** What became of a request, for whoever lost the answer: its input and the run that has or had it. */
export interface LookedUp {
  readonly fate: Fate;
  readonly input?: Input;
  /** With its receipt where the fate is `committed`. */
  readonly run?: Run;
}

/** Looks a request up by the idempotency key that it was admitted with. */
export async function lookUp({ store, session, key }: LookUpParams): Promise<LookedUp> {
  const [input] = await store.inputs({ session, key, limit: 1 });
  if (input === undefined) return { fate: "unknown" };
  const run = input.run === undefined ? null : await store.run({ run: input.run });
  return { fate: fateOf(input), input, ...(run === null ? {} : { run }) };
}

export interface LookUpParams {
  readonly store: Store;
  readonly session: SessionKey;
  readonly key: string;
}
