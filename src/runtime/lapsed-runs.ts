import type { Agent } from "../core/agent.ts";
import type { Run } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { type AgentRoute, loadedAgent } from "./agent-registry.ts";
import { sessionOf } from "./read-tail.ts";
import { recoverRun, type Reconciled } from "./recover-run.ts";
import type { PriceOf } from "./run-events.ts";
import type { FoldOf } from "./take-over.ts";

export interface LapsedRunsParams {
  readonly store: Store;
  /** Only runs that one of these answers are ended, with its title and summary. */
  readonly agents: readonly (Agent | AgentRoute)[];
  readonly owner: string;
  readonly leaseMs: number;
  readonly project?: string;
  readonly session?: string;
  readonly priceOf?: PriceOf | undefined;
  readonly onRecovered: (done: Reconciled) => void;
}

/** The open runs that nobody runs any more, for a worker that ends them beside its own work. */
export class LapsedRuns {
  readonly #params: LapsedRunsParams;
  #cursor: string | undefined;
  /** What failed was told; it is tried again in silence. */
  #failed: ReadonlyMap<string, string> = new Map();

  constructor(params: LapsedRunsParams) {
    this.#params = params;
  }

  /**
   * Looks at the next page of open runs, and recovers those of it whose lease has lapsed; gives how many were ended or
   * held. A page a call, in turn, so that neither many open runs nor those that cannot be recovered hold up the rest.
   */
  async endSome(signal: AbortSignal): Promise<number> {
    let ended = 0;
    for (const run of await this.#nextPage()) {
      if (signal.aborted) return ended;
      const agent = await this.#agentOf(run);
      if (agent === undefined) continue;
      const foldOf: FoldOf = ({ session }) => agent.fold?.(session);
      const done = await recoverRun({ ...this.#params, foldOf }, run);
      if (done.result !== "failed" && done.result !== "skipped") ended += 1;
      if (this.#isNews(done)) this.#params.onRecovered(done);
    }
    return ended;
  }

  async #nextPage(): Promise<readonly Run[]> {
    const { store, project, session } = this.#params;
    const page = await store.runs({
      state: "running",
      limit: pageRuns,
      ...(project === undefined || session === undefined ? {} : { session: { project, session } }),
      ...(this.#cursor === undefined ? {} : { cursor: this.#cursor }),
    });
    this.#cursor = page.cursor;
    return page.runs;
  }

  /** The agent of a run that has lapsed; undefined where it is not for us to end. */
  async #agentOf(run: Run): Promise<Agent | undefined> {
    const { store, agents, project = run.project, session = run.session } = this.#params;
    if (run.project !== project || run.session !== session) return undefined;
    if ((await store.lease(sessionOf(run))) !== null) return undefined;
    const [input] = await store.inputs({ session: sessionOf(run), input: run.input });
    const found = agents.find(({ provider }) => provider === input?.provider);
    return found === undefined ? undefined : await loadedAgent(found);
  }

  #isNews(done: Reconciled): boolean {
    const { id } = done.run;
    if (done.result === "skipped") return false;
    const known = this.#failed.get(id);
    const failure = done.result === "failed" ? `${done.code} ${done.message}` : undefined;
    const others = [...this.#failed].filter(([run]) => run !== id).slice(-mostRemembered);
    this.#failed = new Map(failure === undefined ? others : [...others, [id, failure]]);
    return failure === undefined || failure !== known;
  }
}

const pageRuns = 100;
const mostRemembered = 1000;
