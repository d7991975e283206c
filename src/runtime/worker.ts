import type { Agent } from "../core/agent.ts";
import { type HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { LiveEvent, ReplayedEvent } from "../core/event.ts";
import type { Claim, ClaimParams, Run } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { type AgentRoute, loadedAgent } from "./agent-registry.ts";
import { type Ended, type ExecuteParams, executeRun, PlannedStop } from "./execute.ts";
import { LapsedRuns } from "./lapsed-runs.ts";
import { Observers, type RunObserver } from "./observers.ts";
import type { Reconciled } from "./recover-run.ts";
import { systemTimers, type Timers } from "./timers.ts";

/** How a worker works. */
export interface WorkerParams {
  readonly store: Store;
  /** One for each provider whose inputs it takes; a route is loaded when the first of them was taken. */
  readonly agents: readonly (Agent | AgentRoute)[];
  /** Names this process for people, unique among all that run now. */
  readonly owner: string;
  /** How long a session stays closed to others after this process has died; default 30,000. */
  readonly leaseMs?: number;
  /** How long an agent may take to end once its turn was stopped, until it is abandoned; default 10,000. */
  readonly graceMs?: number;
  /** Runs at once; default 8. */
  readonly maxRuns?: number;
  readonly maxRunsPerProject?: number;
  /** Only inputs of this project, and of this session. */
  readonly project?: string;
  readonly session?: string;
  readonly timers?: Timers;
  readonly priceOf?: ExecuteParams["priceOf"];
  readonly onBegin?: (claim: Claim) => void;
  /** Sees what happens in a run before it is committed. */
  readonly onEvent?: (claim: Claim, event: LiveEvent) => void;
  /** Sees what a run shows again of the interrupted ones before it. */
  readonly onReplay?: (claim: Claim, event: ReplayedEvent) => void;
  /** What else is done about what happens, such as keeping its links; no run fails because of it. */
  readonly observers?: readonly RunObserver[];
  readonly onEnd?: (claim: Claim, ended: Ended) => void;
  /** A run that its worker has left was ended or held here, or could not be. */
  readonly onRecovered?: (done: Reconciled) => void;
  /** What an agent needs is not installed here: no input of its provider is taken any more. */
  readonly onUnserved?: (provider: string, error: HoldfastError) => void;
  /** What went wrong between runs, such as a store that is busy; the worker goes on. */
  readonly onError?: (error: unknown) => void;
}

/** Takes inputs and runs them until it is stopped; ends what other workers have left meanwhile. */
export class Worker {
  readonly #params: WorkerParams & {
    readonly leaseMs: number;
    readonly graceMs: number;
    readonly maxRuns: number;
    readonly timers: Timers;
  };
  readonly #observers: Observers;
  readonly #runs = new Map<string, OpenRun>();
  readonly #unserved = new Set<string>();
  readonly #stopping = new AbortController();
  #loop: Promise<void> | undefined;
  #claiming = 0;
  /** How many runs have ended here. */
  #ends = 0;
  #cancelled = false;
  #wake = Promise.withResolvers<void>();

  constructor(params: WorkerParams) {
    this.#params = { leaseMs: 30_000, graceMs: 10_000, maxRuns: 8, timers: systemTimers, ...params };
    this.#observers = new Observers({
      observers: params.observers ?? [],
      timers: this.#params.timers,
      onError: (error) => this.#report(error),
    });
  }

  /** Begins to take inputs; resolves when it was stopped and its runs have ended. */
  run(): Promise<void> {
    return (this.#loop ??= this.#work());
  }

  /** Takes no new input; with `cancel` its runs are interrupted too. Resolves when all have ended. */
  async stop({ cancel = false }: { readonly cancel?: boolean } = {}): Promise<void> {
    this.#stopping.abort();
    this.#wake.resolve();
    this.#cancelled ||= cancel;
    if (cancel) for (const { abort } of this.#runs.values()) abort.abort(new PlannedStop());
    await this.#loop;
    await this.#allEnded();
  }

  /** Takes no new input, lets its runs end, and interrupts those that have not after a time. */
  async stopWithin(ms: number, onLate?: (runs: number) => void): Promise<void> {
    const ended = this.stop();
    const early = new AbortController();
    const late = this.#params.timers.wait(ms, early.signal).then(() => true);
    if (!(await Promise.race([ended.then(() => false), late])) || this.#runs.size === 0) {
      early.abort("ended");
      return await ended;
    }
    this.#tell(() => onLate?.(this.#runs.size));
    await this.stop({ cancel: true });
  }

  /**
   * Runs what is there now, and what comes meanwhile, until nothing is left that this worker may take. A claim that may be
   * tried again is told, and tried again when a run has ended.
   * @throws what a claim throws otherwise, once no run is open
   */
  async drain(): Promise<void> {
    for (;;) {
      const ends = this.#ends;
      try {
        await this.#fill();
      } catch (error) {
        if (this.#runs.size === 0 || !isHoldfastError(error) || !error.retryable) {
          await this.#allEnded();
          throw error;
        }
        this.#report(error);
      }
      // What ended meanwhile may have made its session's next input ready behind the claims that found none.
      if (ends !== this.#ends) continue;
      if (this.#runs.size === 0) return;
      await Promise.race(Array.from(this.#runs.values(), ({ ended }) => ended));
    }
  }

  async #work(): Promise<void> {
    const { signal } = this.#stopping;
    const beside = Promise.all([this.#watch(signal), this.#recover(signal)]);
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers<void>();
      try {
        await this.#fill();
      } catch (error) {
        this.#params.onError?.(error);
      }
      // A lease that runs out tells nobody.
      const woken = new AbortController();
      const pause = this.#params.timers.wait(this.#params.leaseMs / 3, woken.signal);
      await Promise.race([this.#wake.promise, pause]);
      // Else a timer a wake stays behind, and the signal of a busy worker has thousands to tell.
      woken.abort("woken");
    }
    await this.#allEnded();
    await beside;
  }

  async #allEnded(): Promise<void> {
    await Promise.all(Array.from(this.#runs.values(), ({ ended }) => ended));
  }

  /** Beside the claims, which never wait for it. */
  async #recover(signal: AbortSignal): Promise<void> {
    const { onRecovered, timers, leaseMs } = this.#params;
    const lapsed = new LapsedRuns({
      ...this.#params,
      onRecovered: (done) => {
        if (done.result === "failed") this.#params.onError?.(notRecovered(done));
        this.#tell(() => onRecovered?.(done));
      },
    });
    while (!signal.aborted) {
      try {
        if ((await lapsed.endSome(signal)) > 0) this.#wake.resolve();
      } catch (error) {
        this.#params.onError?.(error);
      }
      await timers.wait(leaseMs / 3, signal);
    }
  }

  /** Claims while there is room and work; several at once as long as there is work for all, so that they share a transaction. */
  async #fill(): Promise<void> {
    for (let wave = 1; ; wave *= 2) {
      const free = this.#params.maxRuns - this.#runs.size - this.#claiming;
      const count = this.#stopping.signal.aborted ? 0 : Math.min(wave, free);
      // None is under way when one has failed: what it brings would be nobody's.
      const claims = await Promise.allSettled(Array.from({ length: count }, () => this.#claim()));
      const begun = claims.map((claim) => {
        if (claim.status === "rejected") throw claim.reason;
        return claim.value;
      });
      if (count === 0 || begun.includes(false)) return;
    }
  }

  async #claim(): Promise<boolean> {
    const begunAtMs = this.#params.timers.now();
    this.#claiming += 1;
    try {
      const claim = await this.#params.store.claim(this.#claimParams());
      if (claim !== null) this.#begin(claim, begunAtMs);
      return claim !== null;
    } finally {
      this.#claiming -= 1;
    }
  }

  #claimParams(): ClaimParams {
    const { agents, owner, leaseMs, maxRunsPerProject, project, session } = this.#params;
    return {
      worker: owner,
      leaseMs,
      providers: agents.map(({ provider }) => provider).filter((provider) => !this.#unserved.has(provider)),
      ...(maxRunsPerProject === undefined ? {} : { maxRunsPerProject }),
      ...(project === undefined ? {} : { project }),
      ...(session === undefined ? {} : { session }),
    };
  }

  #begin(claim: Claim, begunAtMs: number): void {
    const { onBegin, onEnd } = this.#params;
    const abort = new AbortController();
    this.#tell(() => onBegin?.(claim));
    const ended = this.#execute(claim, begunAtMs, abort.signal).then((how) => {
      this.#runs.delete(claim.run.id);
      this.#ends += 1;
      this.#wake.resolve();
      this.#tell(() => onEnd?.(claim, how));
    });
    this.#runs.set(claim.run.id, { claim, abort, ended });
    if (this.#cancelled) abort.abort(new PlannedStop());
    // A cancel may have been told before the claim's answer came.
    this.#stopIfCancelled(claim.input.id).catch((error: unknown) => this.#params.onError?.(error));
  }

  async #execute(claim: Claim, begunAtMs: number, signal: AbortSignal): Promise<Ended> {
    const { agents, onEvent, onReplay, onUnserved, ...params } = this.#params;
    const { provider } = claim.input;
    return await executeRun({
      ...params,
      agent: await loadedAgent(agents.find((one) => one.provider === provider)!),
      claim,
      begunAtMs,
      signal,
      onAbandoned: (error) => this.#report(error),
      onMissing: (error) => {
        // Else it would be taken again at once, and for ever: this end is none of its tries.
        this.#unserved.add(provider);
        this.#tell(() => onUnserved?.(provider, error));
      },
      onEvent: (event) => this.#tell(() => onEvent?.(claim, event)),
      onReplay: (event) => this.#tell(() => onReplay?.(claim, event)),
      onError: (error) => this.#report(error),
      observed: this.#observers.of(claim),
    });
  }

  #report(error: unknown): void {
    this.#tell(() => this.#params.onError?.(error));
  }

  /** What a viewer throws changes nothing for the run that he looks at. */
  #tell(hook: () => void): void {
    try {
      hook();
    } catch (error) {
      this.#params.onError?.(error);
    }
  }

  /** New inputs wake the claims, and a cancel reaches its run. */
  async #watch(signal: AbortSignal): Promise<void> {
    const { store, timers } = this.#params;
    let after: number | undefined;
    while (!signal.aborted) {
      try {
        after ??= await this.#stand();
        for await (const { position } of store.watch({ after }, signal)) {
          after = await this.#follow(after, position);
          this.#wake.resolve();
        }
      } catch (error) {
        this.#params.onError?.(error);
        await timers.wait(1000, signal);
      }
    }
  }

  /** Where the feed stands; a cancel that came before is looked for in the runs themselves. */
  async #stand(): Promise<number> {
    const { position } = await this.#params.store.changes({ after: 0, limit: 1 });
    for (const { claim } of [...this.#runs.values()]) await this.#stopIfCancelled(claim.input.id);
    return position;
  }

  async #follow(from: number, position: number): Promise<number> {
    let after = from;
    while (after < position) {
      const { changes } = await this.#params.store.changes({ after, limit: 1000 });
      for (const { seq, kind, of } of changes) {
        after = seq;
        if (kind === "input") await this.#stopIfCancelled(of!);
      }
    }
    return after;
  }

  async #stopIfCancelled(id: string): Promise<void> {
    const run = [...this.#runs.values()].find(({ claim }) => claim.input.id === id);
    if (run === undefined) return;
    const [input] = await this.#params.store.inputs({ input: id, limit: 1 });
    if (input?.cancelRequested === true && input.run === run.claim.run.id)
      run.abort.abort(new Error(input.reason ?? "The input was cancelled."));
  }
}

function notRecovered({ run, message }: { readonly run: Run; readonly message: string }): Error {
  return new Error(`The run ${run.id}, which its worker has left, could not be ended: ${message}`);
}

interface OpenRun {
  readonly claim: Claim;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}
