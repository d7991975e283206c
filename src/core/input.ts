import type { SessionKey } from "./ids.ts";

/** What a user or a queue asks of a session; durable before it is acknowledged. */
export interface Input extends SessionKey {
  /** The store's own name of it, unique over the whole store. */
  readonly id: string;
  /** The caller's idempotency key, unique per session over all history. */
  readonly key: string;
  /** One JSON object as text, kept as given. */
  readonly body: string;
  readonly provider: string;
  /** Greater goes first within its session and over sessions; default 0. */
  readonly priority: number;
  readonly state: InputState;
  /** How many of its runs count as tries: all but those that were ended as planned, or came before it was queued again. */
  readonly attempts: number;
  readonly admittedAtMs: number;
  readonly updatedAtMs: number;
  /** The run that has it or had it last. */
  readonly run?: string;
  /** Why it was abandoned or cancelled. */
  readonly reason?: string;
  /** An operator or the caller wants its run to stop. */
  readonly cancelRequested?: true;
}

/** `queued` and `running` are open; the others are final, but that an abandoned one may be queued again. */
export type InputState = "queued" | "running" | "consumed" | "cancelled" | "abandoned";

export interface AdmitParams {
  readonly session: SessionKey;
  readonly key: string;
  readonly body: string;
  readonly provider?: string;
  readonly priority?: number;
}

export interface AdmitResult {
  readonly input: Input;
  /** False when the key was known: the first input is returned, and nothing was written. */
  readonly admitted: boolean;
}

export interface CancelParams {
  readonly session: SessionKey;
  readonly input: string;
  readonly actor: string;
  readonly reason?: string;
}

export interface RequeueParams {
  readonly session: SessionKey;
  readonly input: string;
  readonly actor: string;
  readonly reason?: string;
}

export interface RequeueResult {
  readonly input: Input;
  /** False when it was open already; nothing was written. */
  readonly requeued: boolean;
}

/** Newest first; `limit` is 1 to 1,000, default 50. */
export interface InputsParams {
  readonly session?: SessionKey;
  readonly key?: string;
  /** Its id: one input at most. */
  readonly input?: string;
  readonly state?: InputState;
  readonly limit?: number;
}

/** How often an input is tried before it is abandoned. */
export const maxAttempts = 3;

/** What can happen to an input and its run, seen from the input. */
export type InputEvent = "claim" | "cancel" | "commit" | "requeue" | "put_back" | "give_up" | "redispatch";

/**
 * An input's next state, or `null` where the event cannot happen to it. A requeue of an input that was cancelled, or
 * tried too often, ends it; one that is put back was not tried. Only a redispatch leads back from an end.
 */
export function nextInputState(
  { state, attempts, cancelRequested }: Pick<Input, "state" | "attempts" | "cancelRequested">,
  event: InputEvent,
): InputState | null {
  if (state === "queued") return event === "claim" ? "running" : event === "cancel" ? "cancelled" : null;
  if (event === "redispatch") return state === "abandoned" ? "queued" : null;
  if (state !== "running" || event === "claim") return null;
  if (event === "commit") return "consumed";
  // The run is asked to stop; what it has done decides.
  if (event === "cancel") return "running";
  if (cancelRequested === true) return "cancelled";
  if (event === "put_back") return "queued";
  return event === "requeue" && attempts < maxAttempts ? "queued" : "abandoned";
}

/** What became of a request, by its idempotency key. */
export type Fate = "committed" | "rejected" | "in_progress" | "unknown";

/** The answer to "was it done?" after an answer was lost; undefined: no input has this key. */
export function fateOf(input: Pick<Input, "state"> | undefined): Fate {
  if (input === undefined) return "unknown";
  if (input.state === "consumed") return "committed";
  return input.state === "queued" || input.state === "running" ? "in_progress" : "rejected";
}
