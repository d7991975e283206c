import { createHash } from "node:crypto";
import type { EntryInput } from "../../src/core/entry.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Lease } from "../../src/core/lease.ts";
import type {
  Claim,
  CommitParams,
  CommitResult,
  EndRunParams,
  EndRunResult,
  Receipt,
  TailPart,
} from "../../src/core/run.ts";
import { digestLines, discardedLog } from "../../src/core/run.ts";
import type { AppendParams, AppendResult, DropResult } from "../../src/core/store.ts";
import type { UsageRow } from "../../src/core/usage.ts";
import { type Effect, Violation } from "./simulation.ts";

/** What a log must hold, told from the answers alone. */
interface ModelLog {
  readonly visible: string[];
  readonly staged: string[];
  readonly uuids: Set<string>;
  readonly stagedUuids: Set<string>;
}

export interface ModelSession {
  readonly key: SessionKey;
  readonly logs: Map<string, ModelLog>;
  /** Its last lease; `untilMs` 0: it was ended. */
  lease: { epoch: number; untilMs: number };
  /** The run that is running or held. */
  open: string | undefined;
  revision: number;
  resumeToken: string | null;
  visible: boolean;
  dropped: boolean;
  /** Somebody but the runs' own agents decided what its main log holds. */
  foreign: boolean;
}

/** What the store must be, by what it answered: no rule here is taken from its code. */
export class Model {
  readonly sessions = new Map<string, ModelSession>();
  readonly receipts = new Map<string, Receipt>();
  /** The runs that another than their own worker committed. */
  readonly decided = new Set<string>();
  /** How many runs of an input were put back by an operator, and so count as no try of it. */
  readonly putBack = new Map<string, number>();
  readonly usage = new Map<string, { readonly session: string; readonly row: UsageRow }>();

  session(key: SessionKey): ModelSession {
    const id = idOf(key);
    const found = this.sessions.get(id);
    if (found !== undefined) return found;
    const made: ModelSession = {
      key: { project: key.project, session: key.session },
      logs: new Map(),
      lease: { epoch: 0, untilMs: 0 },
      open: undefined,
      revision: 0,
      resumeToken: null,
      visible: false,
      dropped: false,
      foreign: false,
    };
    this.sessions.set(id, made);
    return made;
  }

  /** Follows what a call did. @throws Violation where it may not have done that */
  take({ verb, params, result, error, nowMs }: Effect): void {
    if (error !== undefined) return;
    if (verb === "append") this.#append(params as AppendParams, result as AppendResult, nowMs);
    if (verb === "claim" && result !== null) this.#claim(result as Claim, nowMs);
    if (verb === "acquireLease") this.#begin(result as Lease, nowMs);
    if (verb === "renewLease") this.#renew(params as Renewal, nowMs);
    if (verb === "releaseLease") this.#release(params as Renewal, result as { released: boolean });
    if (verb === "clearLease") this.#clear(params as Cleared, result as { epoch: number });
    if (verb === "commit") this.#commit(params as CommitParams, result as CommitResult, nowMs);
    if (verb === "endRun") this.#endRun(params as EndRunParams, result as EndRunResult, nowMs);
    if (verb === "drop") this.#drop(params as Cleared, result as DropResult);
  }

  #append({ log: key, entries, fence, run }: AppendParams, result: AppendResult, nowMs: number): void {
    const session = this.session(key);
    if (fence !== undefined) checkLive(session, fence.epoch, nowMs, "append");
    const log = logOf(session, key.log);
    const head = log.visible.length + log.staged.length;
    check(run !== undefined || log.staged.length === 0, "1: an append wrote behind staged entries");
    check(run === undefined || session.open === run, `32: the run ${run} staged, but it is not open`);
    const fresh = freshOf(log, entries);
    check(
      result.appended === fresh.length && result.to === head + fresh.length && result.from === head + 1,
      `56: an append of ${fresh.length} new entries behind ${head} answered ${JSON.stringify(result)}`,
    );
    for (const { body, uuid } of fresh) {
      if (uuid !== undefined) log.uuids.add(uuid);
      if (uuid !== undefined && run !== undefined) log.stagedUuids.add(uuid);
      (run === undefined ? log.visible : log.staged).push(body);
    }
    if (run === undefined && fresh.length > 0 && !isOwn(key.log)) session.visible = true;
    check(!session.dropped || fresh.length === 0, "60: a dropped session took entries");
  }

  #claim({ run, lease, input }: Claim, nowMs: number): void {
    const session = this.session(run);
    check(session.open === undefined, `32: ${run.id} was begun while ${session.open} is open`);
    check(input.state === "running" && input.run === run.id, `33: ${input.id} does not name its run`);
    const tries = run.attempt - (this.putBack.get(input.id) ?? 0);
    check(tries <= 3 && tries === input.attempts, `35: ${run.id} is try ${tries}`);
    check(run.epoch === lease.epoch, `31: ${run.id} is not bound to its lease`);
    this.#begin(lease, nowMs);
    session.open = run.id;
  }

  #begin(lease: Lease, nowMs: number): void {
    const session = this.session(lease);
    check(session.lease.untilMs <= nowMs, `17: a lease began while ${session.lease.epoch} was live`);
    check(lease.epoch > session.lease.epoch, `17: the epoch ${lease.epoch} was given before`);
    session.lease = { epoch: lease.epoch, untilMs: lease.untilMs };
  }

  #renew({ session: key, epoch, leaseMs = 0 }: Renewal, nowMs: number): void {
    const session = this.session(key);
    checkLive(session, epoch, nowMs, "renewLease");
    session.lease.untilMs = nowMs + leaseMs;
  }

  #release({ session: key, epoch }: Renewal, { released }: { readonly released: boolean }): void {
    const { lease } = this.session(key);
    check(!released || lease.epoch === epoch, `17: the release of ${epoch} ended ${lease.epoch}`);
    if (released) lease.untilMs = 0;
  }

  #clear({ session: key }: Cleared, { epoch }: { readonly epoch: number }): void {
    const session = this.session(key);
    check(epoch > session.lease.epoch, `17: a clear did not raise the epoch ${epoch}`);
    session.lease = { epoch, untilMs: 0 };
    session.resumeToken = null;
  }

  #commit(params: CommitParams, { receipt, alreadyCommitted }: CommitResult, nowMs: number): void {
    const session = this.session(params.session);
    const digest = sha256(digestLines(params.parts, params.outcome, params.closers));
    check(receipt.digest === digest, `22: the receipt of ${params.run} is that of another boundary`);
    const known = this.receipts.get(params.run);
    if (alreadyCommitted)
      return check(same(known, receipt), `21: ${params.run} gave another receipt when it was asked again`);
    check(known === undefined, `28: ${params.run} was committed twice`);
    checkLive(session, params.epoch, nowMs, "commit");
    checkTail(session, params);
    close(session, params);
    check(
      receipt.seq === 1 && receipt.run === params.run,
      `23: ${params.run} has the receipt ${receipt.seq}`,
    );
    check(receipt.revision === session.revision + 1, `10: the revision went to ${receipt.revision}`);
    check(receipt.entries === stagedCount(session), `13: ${params.run} counted ${receipt.entries} entries`);
    this.receipts.set(params.run, receipt);
    if (params.decided !== undefined) this.decided.add(params.run);
    session.revision += 1;
    session.visible = true;
    this.#count(params);
    publish(session, params.resumeToken);
    endLease(session);
  }

  #endRun(params: EndRunParams, { alreadyClosed, run }: EndRunResult, nowMs: number): void {
    const session = this.session(params.session);
    check(run.state === params.as, `28: ${params.run} was to be ${params.as}, and is ${run.state}`);
    if (alreadyClosed) return;
    check(session.open === params.run, `28: ${params.run} was ended, but ${session.open} is open`);
    checkLive(session, params.epoch, nowMs, "endRun");
    checkTail(session, params);
    this.#count(params);
    if (params.as === "held") return void (session.lease.untilMs = 0);
    if (params.requeue === "uncounted") this.putBack.set(run.input, (this.putBack.get(run.input) ?? 0) + 1);
    if (params.as === "discarded") discard(session, params.run);
    else {
      close(session, params);
      publish(session, params.resumeToken);
    }
    endLease(session);
  }

  #count({ session, usage = [] }: Pick<CommitParams, "session" | "usage">): void {
    for (const row of usage)
      if (!this.usage.has(row.key)) this.usage.set(row.key, { session: idOf(session), row });
  }

  #drop({ session: key }: Cleared, { dropped }: DropResult): void {
    const session = this.session(key);
    const id = idOf(key);
    session.logs.clear();
    for (const [usageKey, { session: owner }] of this.usage) if (owner === id) this.usage.delete(usageKey);
    Object.assign(session, { open: undefined, revision: 0, resumeToken: null, visible: false });
    session.lease.untilMs = 0;
    session.dropped ||= dropped;
  }
}

/** One text for a session. */
export function idOf({ project, session }: SessionKey): string {
  return `${project}/${session}`;
}

export function check(holds: boolean, message: string): void {
  if (!holds) throw new Violation(message);
}

/** The parts that a boundary must name, by what was acknowledged. */
function partsOf(session: ModelSession): TailPart[] {
  return [...session.logs].flatMap(([log, { visible, staged }]) => {
    if (staged.length === 0) return [];
    const [from, to] = [visible.length + 1, visible.length + staged.length];
    return [{ log, from, to, sha256: sha256(staged.map((body) => `${body}\n`).join("")) }];
  });
}

interface Renewal {
  readonly session: SessionKey;
  readonly epoch: number;
  readonly leaseMs?: number;
}

interface Cleared {
  readonly session: SessionKey;
}

function logOf(session: ModelSession, name: string): ModelLog {
  const found = session.logs.get(name);
  if (found !== undefined) return found;
  const made: ModelLog = { visible: [], staged: [], uuids: new Set(), stagedUuids: new Set() };
  session.logs.set(name, made);
  return made;
}

function freshOf(log: ModelLog, entries: readonly EntryInput[]): EntryInput[] {
  const seen = new Set<string>();
  return entries.filter(({ uuid }) => {
    if (uuid === undefined) return true;
    if (seen.has(uuid) || log.uuids.has(uuid)) return false;
    return seen.add(uuid);
  });
}

function checkLive({ key, lease }: ModelSession, epoch: number, nowMs: number, verb: string): void {
  check(
    lease.epoch === epoch && lease.untilMs > nowMs,
    `18: ${verb} was let in with the epoch ${epoch} of ${key.session}; ${lease.epoch} lasts until ${lease.untilMs - nowMs} ms from now`,
  );
}

function checkTail(session: ModelSession, { run, parts }: Pick<CommitParams, "run" | "parts">): void {
  check(session.open === run, `28: ${run} met its boundary, but ${session.open} is open`);
  const wanted = new Map(partsOf(session).map((part) => [part.log, part]));
  const equal = parts.length === wanted.size && parts.every((part) => same(wanted.get(part.log), part));
  check(equal, `13: the boundary of ${run} named other entries than it has staged`);
}

function stagedCount({ logs }: ModelSession): number {
  let count = 0;
  for (const { staged } of logs.values()) count += staged.length;
  return count;
}

function close(session: ModelSession, { closers = [] }: Pick<CommitParams, "closers">): void {
  const main = logOf(session, "");
  for (const { body, uuid } of freshOf(main, closers)) {
    if (uuid !== undefined) main.uuids.add(uuid);
    main.staged.push(body);
  }
}

function publish(session: ModelSession, resumeToken: string | undefined): void {
  let some = session.visible;
  for (const log of session.logs.values()) {
    some ||= log.visible.length + log.staged.length > 0;
    if (log.staged.length > 0) session.visible = true;
    log.visible.push(...log.staged.splice(0));
    log.stagedUuids.clear();
  }
  if (some) session.resumeToken = resumeToken ?? session.resumeToken;
}

function isOwn(log: string): boolean {
  return log.startsWith("@");
}

function discard(session: ModelSession, run: string): void {
  for (const [name, log] of [...session.logs]) {
    if (log.staged.length === 0) continue;
    logOf(session, discardedLog(run, name)).visible.push(...log.staged.splice(0));
    for (const uuid of log.stagedUuids) log.uuids.delete(uuid);
    log.stagedUuids.clear();
    if (log.visible.length === 0) session.logs.delete(name);
  }
}

function endLease(session: ModelSession): void {
  session.open = undefined;
  session.lease.untilMs = 0;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
