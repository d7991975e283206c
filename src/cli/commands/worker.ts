import { reconcile, type Settled } from "../../runtime/reconcile.ts";
import type { LeftoversOf } from "../../runtime/leftovers.ts";
import { linkObserver } from "../../runtime/links.ts";
import { Worker } from "../../runtime/worker.ts";
import type { AgentRoute } from "../../runtime/agent-registry.ts";
import type { Store } from "../../core/store.ts";
import { agentRegistry, closeAgents, leftoversBy, routesFor, withAgents } from "../agents.ts";
import { wholeNumber } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { followCommits } from "../follow-commits.ts";
import type { PricesOption } from "../price-table.ts";
import { recoveryOf } from "../recovery.ts";
import { keptAlive, stopSignals, untilAborted } from "../stop-signals.ts";
import type { StoreOption } from "../store.ts";
import { WorkLog } from "../work-log.ts";

/** Takes inputs until SIGTERM or Ctrl-C, and lets its runs end then. */
export async function work(_: readonly string[], options: WorkerOptions): Promise<ExitCode> {
  const maxRuns = wholeNumber(options.concurrency, "--concurrency", 1, 1000);
  const drainMs = wholeNumber(options.drainMs, "--drain-ms", 0, 86_400_000);
  const registry = agentRegistry();
  const agents = routesFor(registry, options.provider);
  const closing = (): Promise<void> => closeAgents(registry);
  const params = { ...options, agents, maxRuns, drainMs, leftoversOf: leftoversBy(registry), closing };
  return await withAgents(registry, options, (store) => serve(store, params));
}

interface WorkerOptions extends StoreOption, PricesOption {
  readonly concurrency: string;
  readonly provider?: readonly string[];
  readonly project?: string;
  readonly drainMs: string;
  readonly git?: true;
  readonly json?: true;
}

interface ServeParams extends PricesOption {
  readonly agents: readonly AgentRoute[];
  readonly maxRuns: number;
  readonly drainMs: number;
  readonly leftoversOf: LeftoversOf;
  /** Ends the agents. */
  readonly closing: () => Promise<void>;
  readonly project?: string;
  readonly git?: true;
  readonly json?: true;
}

async function serve(store: Store, params: ServeParams): Promise<ExitCode> {
  const { agents, maxRuns, drainMs, project } = params;
  const recovery = recoveryOf(store, params);
  const log = new WorkLog(params);
  const served = new Set(agents.map(({ provider }) => provider));
  const stop = new AbortController();
  using _signals = stopSignals(async () => stop.abort());
  const worker = new Worker({
    ...recovery,
    agents,
    maxRuns,
    observers: [linkObserver(recovery)],
    ...(project === undefined ? {} : { project }),
    onBegin: (claim) => log.begun(claim),
    onEnd: (claim, ended) => log.ended(claim, ended),
    onRecovered: (done) => log.recovered(done),
    onError: (error) => log.failed(error),
    onUnserved: (provider, error) => {
      log.unserved(provider, error);
      served.delete(provider);
      if (served.size === 0) stop.abort(error);
    },
  });
  log.started({ owner: recovery.owner, store: store.url, providers: [...served], concurrency: maxRuns });
  // One that cannot now is done by the worker later.
  const onProgress = (done: Settled): void => log.recovered(done);
  await reconcile({ ...recovery, leftoversOf: params.leftoversOf, onProgress }).catch((error: unknown) =>
    log.failed(error),
  );
  const following = params.git === true ? followCommits(store, log) : undefined;
  const working = stop.signal.aborted ? Promise.resolve() : worker.run();
  await untilAborted(stop.signal);
  const untilMs = performance.now() + drainMs;
  log.stopping(drainMs);
  await keptAlive(worker.stopWithin(drainMs, (runs) => log.interrupting(runs)));
  await working;
  // First, since nobody needs them any more: checkpoints may take all the time that is left.
  await params.closing();
  await following?.end(untilMs - performance.now());
  await log.stopped();
  if (served.size === 0) throw stop.signal.reason;
  return exitCodes.ok;
}
