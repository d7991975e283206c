import type { Agent } from "../../core/agent.ts";
import type { RunEvent } from "../../core/event.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Claim } from "../../core/run.ts";
import type { Store } from "../../core/store.ts";

/** An empty store, the agent under test, and a small world around it that scripts what its model says. */
export interface AgentWorld {
  readonly store: Store;
  readonly prompts: AgentPrompts;
  /** Gives the agent as one more process would have it: with those given before it shares the store alone. */
  start(): Agent;
  /** The marks that tools have left outside of the session, in order. */
  marks(): Promise<readonly string[]>;
  /** What the model was shown when it was asked last in this session. */
  shown(session: SessionKey): Promise<string>;
  /** Resolves when the turn of the last `hang` prompt waits for what never comes. */
  hanging(): Promise<void>;
  /** How many processes live that the agents have started; absent where they start none. */
  processes?(): Promise<number>;
  /** Closes the store and removes what the world left; the agents are closed by then. */
  close(): Promise<void>;
}

/** The prompts that make the agent's model say and do what a test needs. */
export interface AgentPrompts {
  /** The model answers with these words. */
  say(text: string): SuitePrompt;
  /** The model has one tool leave the mark, unless the conversation shows that it was left, and says a last word. */
  tool(mark: string): SuitePrompt;
  /** The model, or a tool that it calls, never comes to an end by itself. */
  hang(where: "model" | "tool"): SuitePrompt;
  /** The model answers with an error that the agent cannot mend. */
  fail(): SuitePrompt;
}

/** What is asked, and how many responses of the model an undisturbed turn takes. */
export interface SuitePrompt {
  readonly text: string;
  readonly responses: number;
}

/** What the suite asks of `Worker` of `holdfast/runtime`, which is handed to it. */
export type SuiteWorker = new (params: SuiteWorkerParams) => {
  drain(): Promise<void>;
  stop(): Promise<void>;
};

export interface SuiteWorkerParams {
  readonly store: Store;
  readonly agents: readonly Agent[];
  readonly owner: string;
  readonly project: string;
  readonly session?: string;
  readonly maxRuns: number;
  readonly onEvent: (claim: Claim, event: RunEvent) => void;
  readonly onEnd: (claim: Claim, ended: SuiteEnded) => void;
}

/** How a run ended. */
export interface SuiteEnded {
  readonly as: string;
  readonly reason?: string;
}
