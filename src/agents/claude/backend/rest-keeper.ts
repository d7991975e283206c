import type { AgentStep, TurnStore } from "../../../core/agent.ts";
import type { Fold } from "../../../core/store.ts";
import type { HeldEntries } from "./held-entries.ts";
import type { WaitingQueue } from "./waiting-queue.ts";

export interface RestParams {
  readonly steps: WaitingQueue<AgentStep>;
  readonly held: HeldEntries;
  readonly store: TurnStore;
  readonly fold: Fold | undefined;
}

/** Keeps what a process gives between two turns as it comes: its host may die, or another one have the next turn. */
export class RestKeeper {
  readonly #params: RestParams;
  readonly #over = new AbortController();
  readonly #untold: AgentStep[] = [];
  readonly #kept: Promise<void>;

  constructor(params: RestParams) {
    this.#params = params;
    // What the process ended with is told by the turn that would have it next.
    this.#kept = this.#keep().catch(() => undefined);
  }

  /** Stops; what only a turn can tell is first in the queue again. */
  async end(): Promise<void> {
    const { steps } = this.#params;
    this.#over.abort();
    steps.stir();
    await this.#kept;
    steps.putBack(...this.#untold.splice(0));
  }

  async #keep(): Promise<void> {
    const { steps, held, store, fold } = this.#params;
    const { signal } = this.#over;
    for (;;) {
      await held.appendAtRest({ store, fold, signal });
      const first = await steps.next(() => signal.throwIfAborted());
      if (first === undefined) return;
      this.#untold.push(...held.hold([first, ...steps.drain()]));
    }
  }
}
