import type { Listening } from "./client.ts";

/** Listens on a connection of its own, and on a new one where that is lost, for as long as it takes. */
export class Ear implements Listening {
  readonly #params: EarParams;
  #line: Line | undefined;
  #retry: NodeJS.Timeout | undefined;
  #waitMs = firstWaitMs;
  #isOver = false;

  constructor(params: EarParams) {
    this.#params = params;
    void this.#listen();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#retry);
    await this.#line?.end();
  }

  async #listen(): Promise<void> {
    try {
      const line = await this.#params.connect();
      if (this.#isOver) return void (await line.end());
      this.#line = line;
      this.#waitMs = firstWaitMs;
      void line.lost.then(() => this.#listenAgain());
      // What was committed while nobody listened is looked for now.
      this.#params.listening();
    } catch {
      this.#listenAgain();
    }
  }

  #listenAgain(): void {
    if (this.#isOver) return;
    this.#line = undefined;
    // All processes have lost theirs at one moment.
    const waitMs = this.#waitMs * (0.5 + Math.random());
    this.#waitMs = Math.min(this.#waitMs * 2, maxWaitMs);
    this.#retry = setTimeout(() => void this.#listen(), waitMs);
    // Whoever waits for a commit polls too, and that keeps the process alive.
    this.#retry.unref();
  }
}

interface EarParams {
  /** Connects and listens. */
  readonly connect: () => Promise<Line>;
  /** Called when it listens, and again after each lost connection. */
  readonly listening: () => void;
}

/** A connection that listens. */
export interface Line {
  /** Resolves when it hears nothing any more. */
  readonly lost: Promise<void>;
  end(): Promise<void>;
}

const firstWaitMs = 50;
const maxWaitMs = 2000;
