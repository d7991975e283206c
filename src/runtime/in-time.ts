import type { Agent } from "../core/agent.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Timers } from "./timers.ts";

export interface InTimeParams {
  readonly agent: Agent;
  /** Aborts when the agent is to come to its end. */
  readonly over: AbortSignal;
  /** How long it may take for that. */
  readonly graceMs: number;
  readonly timers: Timers;
}

/** Gives what a turn came to, or leaves it alone where it does not end in time. @throws agent_abandoned */
export async function inTime<Value>(turn: Promise<Value>, params: InTimeParams): Promise<Value> {
  const ended = new AbortController();
  try {
    return await Promise.race([turn, overdue(params, ended.signal)]);
  } finally {
    ended.abort();
    // What it still throws is told to nobody: its run is over.
    turn.catch(() => undefined);
  }
}

async function overdue({ agent, over, graceMs, timers }: InTimeParams, ended: AbortSignal): Promise<never> {
  await aborted(over, ended);
  await timers.wait(graceMs, ended);
  throw abandoned(agent, graceMs);
}

function aborted(signal: AbortSignal, ended: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true, signal: ended }),
  );
}

function abandoned({ name }: Agent, graceMs: number): HoldfastError {
  return new HoldfastError({
    code: "agent_abandoned",
    message: `The agent ${name} did not end within ${graceMs} ms, and was abandoned.`,
    next: "Correct the agent: it heeds its signal. Until its process ends it may still be at work, but can write nothing.",
  });
}
