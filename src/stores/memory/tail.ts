import { checkOpenRun } from "../../core/fence.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Tail, TailPart } from "../../core/run.ts";
import { runUnknown } from "../../core/work-checks.ts";
import { sha256 } from "./hash.ts";
import { copyOfRun } from "./run.ts";
import { idOf, type State } from "./state.ts";

/** What an open run has staged. */
export function tail(state: State, { run: id }: { readonly run: string }): Tail {
  const found = state.runs.get(id)?.value;
  if (found === undefined) throw runUnknown(id);
  const run = checkOpenRun(found, id, found);
  return { run: copyOfRun(run), parts: partsOf(state, run) };
}

/** The session's staged entries, by the logs' names. */
export function partsOf(state: State, key: SessionKey): TailPart[] {
  const session = state.sessions.get(idOf(key));
  return [...(session?.staged ?? [])].toSorted().map((log) => {
    const { entries, committed } = session!.logs.get(log)!;
    const lines = entries.slice(committed).map(({ body }) => `${body}\n`);
    return { log, from: committed + 1, to: entries.length, sha256: sha256(lines.join("")) };
  });
}
