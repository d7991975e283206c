import { expect } from "vitest";
import type { Agent } from "../../src/core/agent.ts";
import { type LiveEvent, readEvent, type ReplayedEvent, type RunEvent } from "../../src/core/event.ts";
import { eventLog } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import type { Ended } from "../../src/runtime/execute.ts";
import { Worker, type WorkerParams } from "../../src/runtime/worker.ts";
import { type Telling, tellingAgent } from "./telling-agent.ts";

export const session = { project: "p", session: "s" };

/** One session whose runs are interrupted, and what was seen of them. */
export class ReplayWorld {
  readonly store: Store;
  readonly ended: Ended[] = [];
  readonly live: LiveEvent[] = [];
  readonly faults: string[] = [];
  again: ReplayedEvent[] = [];

  constructor(store: Store) {
    this.store = store;
  }

  worker(agent: Agent, params: Partial<WorkerParams> = {}): Worker {
    return new Worker({
      ...{ store: this.store, agents: [agent], owner: "w", maxRuns: 1 },
      onEnd: (_claim, how) => void this.ended.push(how),
      onEvent: (_claim, event) => void this.live.push(event),
      onReplay: (_claim, event) => void this.again.push(event),
      onError: (error) => void this.faults.push(String(error)),
      ...params,
    });
  }

  async admit(key = "k"): Promise<void> {
    await this.store.admit({ session, key, body: '{"prompt":"x"}', provider: "telling" });
  }

  /** Runs an input, attempt by attempt. */
  async play(tellings: readonly Telling[], { key, more, ...params }: PlayParams = {}): Promise<void> {
    await this.admit(key);
    await this.worker(tellingAgent(tellings, more), params).drain();
  }

  async eventsIn(run: string, log = eventLog(run)): Promise<RunEvent[]> {
    const { entries } = await this.store.read({ log: { ...session, log } });
    return entries.map(({ body }) => {
      const read = readEvent(body);
      if ("fault" in read) throw new Error(read.fault);
      expect(read.run).toBe(run);
      return read.event;
    });
  }
}

interface PlayParams extends Partial<WorkerParams> {
  readonly key?: string;
  readonly more?: Partial<Agent>;
}

export function marker(of: string): object {
  return { type: "status", status: "replay_started", of, replayed: true };
}

export function shown(...events: readonly object[]): object[] {
  return events.map((event) => ({ ...event, replayed: true }));
}
