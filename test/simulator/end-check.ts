import type { SessionKey } from "../../src/core/ids.ts";
import { fateOf } from "../../src/core/input.ts";
import type { Run } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import type { Ended } from "../../src/runtime/execute.ts";
import { check, idOf, type Model } from "./model.ts";
import type { Reader } from "./reader.ts";
import { turnsAlternate } from "./transcript-check.ts";

/** An input whose client was told that it is durable. */
export interface Acknowledged {
  readonly id: string;
  readonly key: string;
  readonly session: SessionKey;
}

/** What a worker said of a run. */
export interface Ending {
  readonly run: string;
  readonly ended: Ended;
}

export interface EndCheckParams {
  readonly store: Store;
  readonly model: Model;
  readonly reader: Reader;
  readonly sessions: readonly SessionKey[];
  readonly acknowledged: readonly Acknowledged[];
  readonly endings: readonly Ending[];
}

/** What must hold once nothing more can happen. @throws Violation */
export async function checkEnd(params: EndCheckParams): Promise<void> {
  for (const key of params.sessions) await checkSession(params, key);
  const runs = new Map(params.reader.runs.map((run) => [run.id, run]));
  for (const { run, ended } of params.endings) checkEnding(runs.get(run), ended);
  for (const input of params.acknowledged) checkAcknowledged(params, input);
}

async function checkSession({ store, model, reader }: EndCheckParams, key: SessionKey): Promise<void> {
  await reader.look(key, { closely: true });
  check((await store.lease(key)) === null, `48: ${key.session} has a lease after all has ended`);
  const { logs, foreign, open } = model.session(key);
  check(open === undefined, `32: the run ${open} is open after all has ended`);
  for (const [name, { staged }] of logs) check(staged.length === 0, `40: "${name}" holds staged entries`);
  if (!foreign) turnsAlternate(logs.get("")?.visible ?? []);
  const rows = await store.audit({ session: key, limit: 1000 });
  for (const run of reader.runs.filter((one) => idOf(one) === idOf(key))) {
    const own = rows.filter((row) => row.run === run.id && row.verb === `run_${run.state}`).length;
    const wanted = run.state !== "committed" || model.decided.has(run.id) ? 1 : 0;
    check(own === wanted, `28: ${run.id} is ${run.state} ${own} times on record`);
  }
}

// Never "failed" now and committed later.
function checkEnding(run: Run | undefined, ended: Ended): void {
  if (run === undefined) return;
  if (ended.as === "committed")
    check(
      run.receipt?.digest === ended.receipt.digest && run.receipt.revision === ended.receipt.revision,
      `4: a worker said that ${run.id} was committed; it is ${run.state}`,
    );
  if (ended.as === "interrupted")
    check(run.state === "interrupted", `4: a worker said that ${run.id} was interrupted; it is ${run.state}`);
}

function checkAcknowledged({ model, reader }: EndCheckParams, { id, key, session }: Acknowledged): void {
  if (model.session(session).dropped) return;
  const input = reader.inputs.find((one) => one.id === id);
  check(input?.key === key, `30: the input ${key} was acknowledged, and is gone`);
  const fate = fateOf(input);
  check(fate === "committed" || fate === "rejected", `36: the input ${key} is ${input?.state} for ever`);
}
