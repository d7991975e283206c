import type { Ref } from "../plumbing/refs.ts";
import type { Repository } from "../plumbing/repository.ts";
import { branchRef, kindOfRef } from "../format/checkpoint-refs.ts";
import { ChunkSize } from "./chunk-size.ts";
import { Deadline } from "./deadline.ts";
import { foreignDone, foreignRefs, isForeignDone } from "./foreign-queue.ts";
import { joinRef } from "./join-refs.ts";
import { type QueueDrain, PushQueue } from "./queue.ts";
import { hasV2, pushV2 } from "./push-v2.ts";
import { type PushAnswer, Remote, maxPushMs } from "./remote.ts";

/** What a push came to. */
export interface PushReport {
  readonly remote: string;
  /** `incomplete`: something waits still, for the reason that is given. */
  readonly outcome: "done" | "incomplete";
  readonly reason?: "unreachable" | "out_of_time" | "refused" | "withheld";
  /** What git said of a remote that cannot be reached. */
  readonly detail?: string;
  /** Refs that the remote has now as they are here. */
  readonly pushed: number;
  /** Of these, refs that another machine had written too. */
  readonly joined: number;
  /** Refs that were not there any more. */
  readonly dropped: number;
  /** Refs that wait still. */
  readonly left: number;
  /** The first of the refs that were not taken, and why. */
  readonly failures: readonly { readonly ref: string; readonly reason: string }[];
}

export interface PushParams {
  readonly repository: Repository;
  readonly remote: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pushes what waits, in chunks, and never by force: what another machine has written too is fetched, joined by union
 * and pushed again. What has not arrived for sure waits on, however this ends (specification §13).
 * @throws git_failed where this repository itself cannot be read or written
 */
export async function pushWaiting(params: PushParams): Promise<PushReport> {
  const { repository } = params;
  const drain = await new PushQueue(repository.commonDir).drain();
  const foreign = foreignRefs(repository.commonDir);
  const pushing = new Pushing(params, drain, await ChunkSize.read(repository.commonDir));
  return await pushing.run(foreign);
}

const maxFailuresInRow = 5;
const maxRounds = 8;
const maxFailuresTold = 20;

class Pushing {
  readonly #repository: Repository;
  readonly #deadline: Deadline;
  /** How long one push of several refs may take, so that a smaller one has time yet. */
  readonly #shareMs: number;
  readonly #remote: Remote;
  readonly #drain: QueueDrain;
  readonly #size: ChunkSize;
  readonly #pushed = new Set<string>();
  readonly #joined = new Set<string>();
  readonly #failed = new Map<string, string>();
  #dropped = 0;
  #failuresInRow = 0;
  #reason: PushReport["reason"];
  #detail: string | undefined;

  constructor({ repository, remote, timeoutMs, signal }: PushParams, drain: QueueDrain, size: ChunkSize) {
    this.#repository = repository;
    this.#deadline = new Deadline({ timeoutMs, signal });
    this.#shareMs = Math.min(maxPushMs, timeoutMs / 3);
    this.#remote = new Remote({ repository, name: remote, deadline: this.#deadline });
    this.#drain = drain;
    this.#size = size;
  }

  async run(foreign: readonly string[]): Promise<PushReport> {
    const theirs = await this.#foreignToPush(foreign);
    const waiting = [...new Set([...this.#drain.refs, ...theirs.map(({ name }) => name)])];
    const v2 = waiting.filter(isV2);
    await this.#pushAll((await this.#withoutBranchOfEmptyRemote(waiting)).filter((name) => !isV2(name)));
    if (await hasV2(this.#repository, v2)) await this.#pushV2(v2);
    await this.#drain.postpone(this.#failed.keys());
    if (theirs.length > 0 && theirs.every(({ name }) => this.#pushed.has(name)))
      await this.#keepForeign(theirs);
    const left = waiting.filter((name) => !this.#pushed.has(name)).length - this.#dropped;
    if (left > 0 && this.#failed.size > 0) this.#reason ??= "refused";
    return {
      remote: this.#remote.name,
      outcome: left === 0 ? "done" : "incomplete",
      ...(left === 0 || this.#reason === undefined ? {} : { reason: this.#reason }),
      ...(left === 0 || this.#detail === undefined ? {} : { detail: this.#detail }),
      pushed: this.#pushed.size,
      joined: this.#joined.size,
      dropped: this.#dropped,
      left,
      failures: [...this.#failed].slice(0, maxFailuresTold).map(([ref, reason]) => ({ ref, reason })),
    };
  }

  async #pushAll(refs: readonly string[]): Promise<void> {
    let at = 0;
    while (at < refs.length && !this.#isOver()) {
      const chunk = refs.slice(at, at + this.#size.size);
      const answer = await this.#push(chunk);
      // Too much for the time that one push has: the same again in smaller parts.
      if (answer === "smaller") continue;
      at += chunk.length;
    }
  }

  async #pushV2(names: readonly string[]): Promise<void> {
    const there = await this.#tipsOf(names);
    if (this.#isOver()) return;
    const pushed = await pushV2(
      this.#repository,
      this.#remote,
      there.map(({ name }) => name),
    );
    await this.#drain.remove(pushed.pushed);
    for (const name of pushed.pushed) this.#pushed.add(name);
    for (const name of pushed.joined) this.#joined.add(name);
    for (const [name, reason] of pushed.failed) this.#failed.set(name, reason);
    if (pushed.failure === undefined || this.#isOver()) return;
    if (!(await this.#remote.isReachable())) this.#reason = "unreachable";
    this.#detail = pushed.failure.reason;
  }

  #isOver(): boolean {
    if (this.#deadline.isOver) this.#reason ??= "out_of_time";
    return this.#reason === "out_of_time" || this.#reason === "unreachable" || this.#isGivenUp();
  }

  #isGivenUp(): boolean {
    return this.#failuresInRow >= maxFailuresInRow;
  }

  async #push(names: readonly string[]): Promise<"done" | "smaller"> {
    const tips = await this.#tipsOf(names);
    let rest = tips;
    for (let round = 0; rest.length > 0 && round < maxRounds && !this.#isOver(); round += 1) {
      const answer = await this.#pushInTime(rest);
      if (answer.kind === "failed") return await this.#afterFailure(rest, answer);
      const conflicts = await this.#sort(rest, answer.refs);
      rest = conflicts.length === 0 ? [] : await this.#join(conflicts);
    }
    for (const { name } of rest) this.#fail(name, "Another machine writes it at this moment.");
    if (rest.length === 0 && this.#failed.size === 0) await this.#size.succeeded(tips.length);
    return "done";
  }

  async #pushInTime(refs: readonly Ref[]): Promise<PushAnswer> {
    const hadShare = this.#deadline.remainingMs >= this.#shareMs;
    const answer = await this.#remote.push(refs, refs.length > 1 ? { maxMs: this.#shareMs } : {});
    // Noted whether time is left or not: the next run begins with less. What had less than its share proves nothing.
    if (answer.kind === "failed" && answer.timedOut && hadShare) await this.#size.timedOut(refs.length);
    return answer;
  }

  // Confirms what arrived, and gives what is in conflict. A hook that refuses a push as a whole hides the ref that it
  // means: then the halves are asked.
  async #sort(
    refs: readonly Ref[],
    told: Extract<PushAnswer, { kind: "answered" }>["refs"],
  ): Promise<readonly Ref[]> {
    // What was pushed without a word is there: git leaves out nothing else.
    const stateOf = ({ name }: Ref): string => told.get(name)?.state ?? "up-to-date";
    const refused = refs.filter((ref) => stateOf(ref) === "refused");
    const conflicts = refs.filter((ref) => stateOf(ref) === "conflict");
    const arrived = refs.filter((ref) => !refused.includes(ref) && !conflicts.includes(ref));
    await this.#confirm(arrived);
    if (refused.length > 1 && refused.length === refs.length) await this.#pushHalves(refs);
    else for (const { name } of refused) this.#fail(name, told.get(name)!.reason);
    if (arrived.length > 0) this.#failuresInRow = 0;
    return conflicts;
  }

  async #pushHalves(refs: readonly Ref[]): Promise<void> {
    const names = refs.map(({ name }) => name);
    const middle = Math.ceil(names.length / 2);
    for (const half of [names.slice(0, middle), names.slice(middle)]) await this.#pushAll(half);
  }

  async #afterFailure(refs: readonly Ref[], { timedOut, reason }: FailedPush): Promise<"done" | "smaller"> {
    if (this.#isOver()) return "done";
    if (timedOut && refs.length > 1) return "smaller";
    if (!timedOut && !(await this.#remote.isReachable())) {
      this.#reason = this.#deadline.isOver ? "out_of_time" : "unreachable";
      this.#detail = reason;
      return "done";
    }
    if (refs.length > 1) await this.#pushHalves(refs);
    else this.#fail(refs[0]!.name, reason);
    return "done";
  }

  async #join(conflicts: readonly Ref[]): Promise<readonly Ref[]> {
    const names = conflicts.map(({ name }) => name);
    const fetched = await this.#theirs(conflicts).catch((error: unknown) => messageOf(error));
    if (typeof fetched === "string") {
      if (!this.#isOver()) for (const name of names) this.#fail(name, fetched);
      return [];
    }
    const rest = new Set(names);
    for (const their of fetched) {
      if (!rest.has(their.name)) continue;
      try {
        if ((await joinRef(this.#repository, their)) === "joined") this.#joined.add(their.name);
      } catch (error) {
        // What the remote has may be damaged; the others go on.
        rest.delete(their.name);
        this.#fail(their.name, messageOf(error));
      }
    }
    return await this.#tipsOf([...rest]);
  }

  // Of several URLs that it is pushed to each may have something else.
  async #theirs(conflicts: readonly Ref[]): Promise<readonly Ref[]> {
    const names = conflicts.map(({ name }) => name);
    const theirs: Ref[] = [];
    for (const place of await this.#remote.places()) theirs.push(...(await place.fetch(names, conflicts)));
    return theirs;
  }

  async #tipsOf(names: readonly string[]): Promise<readonly Ref[]> {
    const tips: Ref[] = [];
    const gone: string[] = [];
    for (const name of names) {
      const id = await this.#repository.refs.read(name);
      if (id === null) gone.push(name);
      else tips.push({ name, id });
    }
    this.#dropped += gone.length;
    if (gone.length > 0) await this.#drain.remove(gone);
    return tips;
  }

  async #confirm(refs: readonly Ref[]): Promise<void> {
    for (const { name } of refs) this.#pushed.add(name);
    await this.#drain.remove(refs.map(({ name }) => name));
  }

  #fail(name: string, reason: string): void {
    this.#failuresInRow += 1;
    this.#failed.set(name, reason);
  }

  // There it would become the default branch.
  async #withoutBranchOfEmptyRemote(waiting: readonly string[]): Promise<readonly string[]> {
    if (!waiting.includes(branchRef)) return waiting;
    const heads = await this.#remote.names(["refs/heads/*"]).catch(() => undefined);
    if (heads === undefined) this.#reason = this.#deadline.isOver ? "out_of_time" : "unreachable";
    if (heads?.some(({ name }) => !name.startsWith("refs/heads/entire/")) === true) return waiting;
    this.#reason ??= "withheld";
    return waiting.filter((name) => name !== branchRef);
  }

  async #foreignToPush(names: readonly string[]): Promise<readonly Ref[]> {
    const refs: Ref[] = [];
    for (const name of names) {
      const id = kindOfRef(name) === "checkpoint" ? await this.#repository.refs.read(name) : null;
      if (id !== null) refs.push({ name, id });
    }
    return refs.length === 0 || (await isForeignDone(this.#foreign(refs))) ? [] : refs;
  }

  async #keepForeign(refs: readonly Ref[]): Promise<void> {
    await foreignDone(this.#foreign(await this.#tipsOf(refs.map(({ name }) => name))));
  }

  #foreign(refs: readonly Ref[]): Parameters<typeof foreignDone>[0] {
    return { commonDir: this.#repository.commonDir, remote: this.#remote.name, refs };
  }
}

function isV2(name: string): boolean {
  return kindOfRef(name)?.startsWith("v2-") === true;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type FailedPush = Extract<PushAnswer, { kind: "failed" }>;
