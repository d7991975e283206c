import { checkHead, checkTombstone } from "../../core/checks.ts";
import { nextTime } from "../../core/clock.ts";
import { checkFence, checkStaging, stagedBy } from "../../core/fence.ts";
import { leaseLost } from "../../core/lease.ts";
import type { Run } from "../../core/run.ts";
import type { AppendParams, AppendResult } from "../../core/store.ts";
import { foldInto } from "./fold.ts";
import { findLane } from "./lane.ts";
import { publish } from "./publish.ts";
import { freshOf, newSession, register, stage } from "./stage.ts";
import { idOf, type State, type StoredSession } from "./state.ts";

/** Appends a batch; whatever can refuse or throw comes before the first change. */
export function append(state: State, params: AppendParams): AppendResult {
  const { log: key, entries, expectHead } = params;
  const now = state.clock.now();
  const found = state.sessions.get(idOf(key));
  const log = found?.logs.get(key.log);
  if (log === undefined) checkTombstone(state.tombstones.get(idOf(key)), key, params.reopen);
  const run = checkWriter(state, params, now);
  if (run === undefined) checkNotStaged(state, found, params);
  const head = log?.entries.length ?? 0;
  checkHead(expectHead, head, key);
  const fresh = freshOf(log, entries);
  const duplicates = entries.length - fresh.length;
  const to = head + fresh.length;
  const result = { from: head + 1, to, appended: fresh.length, duplicates };
  if (fresh.length === 0) return { ...result, committed: log?.committed ?? 0 };

  const atMs = nextTime({ previous: 0, wanted: fresh[0]!.atMs, now });
  const session = found ?? newSession(state, key, providerOf(state, params, run), atMs);
  const visible = run === undefined;
  const folded =
    visible && key.log === "" ? foldInto(session, { to, appended: fresh, fold: params.fold }) : {};
  register(state, session);
  Object.assign(session, folded);
  stage(state, session, { log: key.log, fresh, now });
  if (visible) publish(state, session, key.log, now);
  return { ...result, committed: session.logs.get(key.log)!.committed };
}

function checkWriter(state: State, { log: key, fence, run: id }: AppendParams, now: number): Run | undefined {
  if (fence !== undefined) checkFence(key, findLane(state, key)?.lease, fence, now);
  if (id === undefined) return undefined;
  if (fence === undefined) throw leaseLost(key, 0);
  return checkStaging(key, id, state.runs.get(id)?.value, fence);
}

function checkNotStaged(state: State, session: StoredSession | undefined, { log: key }: AppendParams): void {
  if (session?.staged.has(key.log) !== true) return;
  const lane = findLane(state, key)!;
  throw stagedBy(lane.open!.value, lane.lease);
}

function providerOf(state: State, { provider }: AppendParams, run: Run | undefined): string {
  return provider ?? (run === undefined ? "unknown" : state.inputs.get(run.input)!.value.provider);
}
