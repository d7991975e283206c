import type { Entry, EntryInput } from "./entry.ts";
import type { LiveEvent, RunEvent } from "./event.ts";
import type { SessionKey } from "./ids.ts";
import type { Input } from "./input.ts";
import { objectIn, textOf } from "./json.ts";
import type { SideFile } from "./side-files.ts";
import type { StepEffect } from "./steps.ts";
import type { Fold, Store } from "./store.ts";

/** The agent port: what answers an input. One agent serves many sessions, of each at most one turn at a time. */
export interface Agent {
  readonly name: string;
  /** The provider of the sessions that it answers. */
  readonly provider: string;
  readonly capabilities: AgentCapabilities;
  /**
   * One turn. Yields what is to be kept, in order; its last step is a `result` event, and without one the run was
   * interrupted. Once the signal aborts it does nothing more and throws the signal's reason, or, where it has said `answered`,
   * comes to its result at once; where it does not, it is
   * abandoned after a time, and its session goes on without it.
   */
  run(turn: Turn): AsyncIterable<AgentStep>;
  /** What the provider itself kept of a session's last run; there with `nativeHistory`. Read-only. */
  history?(params: HistoryParams): AsyncIterable<RunEvent>;
  /** What a transcript's entries tell, as the events that `run` gave beside them. Pure; skips what it cannot read. */
  eventsOf?(bodies: readonly string[]): readonly RunEvent[];
  /** Processes that an earlier host of a run has left behind here and that may still be at work, told by its events. Ends none. */
  leftovers?(events: readonly RunEvent[]): Promise<readonly Leftover[]>;
  /** Makes a session's title and summary of what is committed. */
  fold?(session: SessionKey): Fold;
  /** Ends what it keeps open between turns. */
  close?(): Promise<void>;
}

export interface AgentCapabilities {
  /** It goes on with a session in another process by the token that it gave. */
  readonly resume: boolean;
  readonly fork: boolean;
  /** It has a history of its own, which may tell what our log lacks. */
  readonly nativeHistory: boolean;
  /** It says what its responses used. */
  readonly usage: boolean;
  /** It gives an answer in pieces before the whole. */
  readonly partialText: boolean;
}

/** Whose history is asked for; `resume` is the session's token. */
export interface HistoryParams {
  readonly session: SessionKey;
  readonly resume?: string;
  readonly signal: AbortSignal;
}

/** A process that outlives its host. */
export interface Leftover {
  readonly pid: number;
  /** What it is, in words for an operator. */
  readonly about: string;
}

/** What a turn may ask of the store: its session's past, and blobs beside it. What the turn makes is yielded, not appended. */
export type TurnStore = Pick<
  Store,
  "read" | "scan" | "logs" | "session" | "run" | "runs" | "append" | "recordUsage" | "putBlob" | "getBlob"
>;

/** What a turn is given. */
export interface Turn {
  readonly session: SessionKey;
  readonly run: string;
  readonly input: Pick<Input, "id" | "key" | "body">;
  /** 1 for the input's first run. */
  readonly attempt: number;
  /** The token of the session's last `status` event that had one. */
  readonly resume?: string;
  /** Aborts when the turn is cancelled or its lease is lost. */
  readonly signal: AbortSignal;
  readonly journal: Journal;
  /** `append` is for what is no part of the run: visible at once, under its lease, and without one when it has ended. */
  readonly store: TurnStore;
  /** Resolves once all that was yielded before is durable. @throws lease_lost */
  flush(): Promise<void>;
  /** The agent has its answer, and yields only what belongs to it: a stop that comes from now on undoes nothing. */
  answered(): void;
  /** The newest committed entries of the main log, in their order. */
  recent(limit: number): Promise<readonly Entry[]>;
}

/** What an agent yields: an entry for one of the session's logs, a run event, or a file that the transcript points to. */
export type AgentStep =
  | { readonly kind: "entry"; readonly log: string; readonly entry: EntryInput }
  | { readonly kind: "event"; readonly event: LiveEvent }
  /** Its bytes were put before, by `store.putBlob`. */
  | { readonly kind: "file"; readonly file: SideFile };

/** Remembers what was done over all attempts of an input, so that nothing is done twice that must not be. */
export interface Journal {
  /**
   * Does a step, or gives back what it gave before; what was yielded before it and its start are durable before it
   * starts. What `fn` throws is recorded and thrown; any HoldfastError ends the run and is to be let through.
   */
  step<Value>(
    name: string,
    key: string,
    effect: StepEffect,
    fn: (call: StepCall) => Promise<Value>,
  ): Promise<Value>;
}

/** One call of a step. */
export interface StepCall {
  /** To be passed on to whoever does it, so that they can tell a repetition. */
  readonly key: string;
  /** An earlier start has no result: find out first whether it took effect. Only of a `query` step. */
  readonly ask: boolean;
}

/** The prompt of an input: its body's `prompt`; empty where it has none. */
export function promptOf({ body }: Pick<Input, "body">): string {
  const prompt = objectIn(body)?.["prompt"];
  return textOf(prompt) ?? "";
}
