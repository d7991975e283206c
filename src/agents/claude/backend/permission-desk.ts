import type { AgentStep } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import type { SessionKey } from "../../../core/ids.ts";
import { plainOf } from "./message-parts.ts";

/** Asks whoever is attached to a session whether a tool may be used. */
export interface PermissionDesk {
  /** Answers the questions of a session until it is detached; of several the first answer counts. */
  attach(session: SessionKey, handler: PermissionHandler): () => void;
  /** Gives the answer, and where nobody gives one in time, the fallback; never throws. */
  ask(session: SessionKey, question: PermissionQuestion, signal: AbortSignal): Promise<DeskAnswer>;
}

export interface PermissionDeskOptions {
  /** How long a question waits for its answer; default 60,000. Infinity waits as long as the turn. */
  readonly timeoutMs?: number;
  /** What is done where nobody is attached, or nobody answers in time; default `deny`. */
  readonly fallback?: "deny" | "allow";
}

/** Answers a question; the signal aborts when the answer is not needed any more. */
export type PermissionHandler = (
  question: PermissionQuestion,
  signal: AbortSignal,
) => PermissionAnswer | Promise<PermissionAnswer>;

export interface PermissionQuestion {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** The provider's id of the call. */
  readonly call?: string;
}

export type PermissionAnswer =
  | { readonly behavior: "allow"; readonly input?: Readonly<Record<string, unknown>> }
  | { readonly behavior: "deny"; readonly message?: string };

/** An answer, and where it comes from. */
export type DeskAnswer = PermissionAnswer & {
  readonly by: "handler" | "nobody_attached" | "timeout" | "aborted" | "failed";
};

/** Makes a desk, to be shared by a backend and whoever shows its questions to people. @throws usage */
export function permissionDesk(options: PermissionDeskOptions = {}): PermissionDesk {
  return new Desk(options);
}

/** The SDK's `canUseTool` on a desk; questions and answers are told as events. */
export function askDesk(
  desk: PermissionDesk,
  session: SessionKey,
  tell: (step: AgentStep) => void,
): CanUseTool {
  return async (tool, input, { signal, toolUseID: call }) => {
    const question: PermissionQuestion = { tool, input, ...(call !== undefined && { call }) };
    // The call itself is told as well, and its transcript has the whole of it.
    tell(notice(`May ${tool} be used?`, { permission: "asked", ...question, input: plainOf(input) }));
    const answer = await desk.ask(session, question, signal);
    const { behavior, by } = answer;
    const isAllowed = behavior === "allow";
    const why = isAllowed || answer.message === undefined ? "" : ` ${answer.message}`;
    const said = `${tool} ${isAllowed ? "may" : "may not"} be used.${why}`;
    tell(notice(said, { permission: behavior, by, ...(call !== undefined && { call }) }));
    if (isAllowed) return { behavior, updatedInput: answer.input ?? input };
    return { behavior, message: answer.message ?? "This was not allowed." };
  };
}

/** The SDK's callback, by structure. */
export type CanUseTool = (
  tool: string,
  input: Readonly<Record<string, unknown>>,
  options: { readonly signal: AbortSignal; readonly toolUseID?: string },
) => Promise<object>;

class Desk implements PermissionDesk {
  readonly #timeoutMs: number;
  readonly #fallback: "deny" | "allow";
  readonly #attached = new Map<string, Set<PermissionHandler>>();

  constructor({ timeoutMs = 60_000, fallback = "deny" }: PermissionDeskOptions) {
    if (!(timeoutMs >= 0)) throw wrongTimeout();
    this.#timeoutMs = timeoutMs;
    this.#fallback = fallback;
  }

  attach({ project, session }: SessionKey, handler: PermissionHandler): () => void {
    const id = JSON.stringify([project, session]);
    const handlers = this.#attached.get(id) ?? new Set();
    this.#attached.set(id, handlers.add(handler));
    return () => {
      handlers.delete(handler);
      if (handlers.size === 0 && this.#attached.get(id) === handlers) this.#attached.delete(id);
    };
  }

  async ask(
    { project, session }: SessionKey,
    question: PermissionQuestion,
    signal: AbortSignal,
  ): Promise<DeskAnswer> {
    const handlers = [...(this.#attached.get(JSON.stringify([project, session])) ?? [])];
    if (handlers.length === 0) return this.#otherwise("nobody_attached", "Nobody is there to be asked.");
    const over = new AbortController();
    const timer =
      this.#timeoutMs > longestTimerMs ? undefined : setTimeout(() => over.abort("timeout"), this.#timeoutMs);
    const stop = AbortSignal.any([signal, over.signal]);
    try {
      return await Promise.race([
        this.#answered(handlers, question, stop),
        aborted(stop).then(() => this.#unanswered(signal)),
      ]);
    } finally {
      clearTimeout(timer);
      over.abort("answered");
    }
  }

  // A handler that fails leaves the answer to the others.
  async #answered(
    handlers: readonly PermissionHandler[],
    question: PermissionQuestion,
    signal: AbortSignal,
  ): Promise<DeskAnswer> {
    const asked = handlers.map(async (handler) => await handler(question, signal));
    try {
      return { ...(await Promise.any(asked)), by: "handler" };
    } catch {
      return this.#otherwise("failed", "Whoever was asked could not answer.");
    }
  }

  #unanswered(signal: AbortSignal): DeskAnswer {
    if (signal.aborted) return { behavior: "deny", message: "The turn was stopped.", by: "aborted" };
    return this.#otherwise("timeout", `Nobody answered within ${this.#timeoutMs} ms.`);
  }

  #otherwise(by: DeskAnswer["by"], message: string): DeskAnswer {
    return this.#fallback === "allow" ? { behavior: "allow", by } : { behavior: "deny", message, by };
  }
}

// A timer that is given more fires at once, which would be an answer that nobody gave.
const longestTimerMs = 2 ** 31 - 1;

function wrongTimeout(): HoldfastError {
  return new HoldfastError({
    code: "usage",
    message: "The option timeoutMs of permissionDesk must be a time in ms.",
    next: "Correct it.",
    data: { option: "timeoutMs" },
  });
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function notice(text: string, raw: object): AgentStep {
  return { kind: "event", event: { type: "notice", text, raw } };
}
