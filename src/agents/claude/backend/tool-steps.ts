import type { Turn } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import type { LiveEvent } from "../../../core/event.ts";
import { fieldsOf, textOf } from "../../../core/json.ts";
import { responseText } from "./content-events.ts";
import { bounded } from "./message-parts.ts";

/** A hook's callback, as the SDK calls it. */
export type SdkHook = (
  input: unknown,
  toolUseId: string | undefined,
  options: { readonly signal: AbortSignal },
) => Promise<object>;

/** The SDK's option `hooks`. */
export type SdkHooks = Readonly<Record<string, readonly SdkHookMatcher[] | undefined>>;

interface SdkHookMatcher {
  readonly matcher?: string;
  readonly hooks: readonly SdkHook[];
  /** In seconds. */
  readonly timeout?: number;
}

export interface ToolStepsParams {
  /** The turn that goes on; tools that work between two turns have no journal. */
  readonly turn: () => Turn | undefined;
  /** A tool was refused because its start could not be journaled: the turn is to end with this. */
  readonly onRefused?: (error: unknown) => void;
}

/** Journals each tool call of a process as a step: started before the tool is, and ended by what is known of it first. */
export class ToolSteps {
  readonly #params: ToolStepsParams;
  readonly #open = new Map<string, OpenStep>();
  readonly #unjournaled = new Set<string>();

  constructor(params: ToolStepsParams) {
    this.#params = params;
  }

  /** The caller's hooks with ours behind them: the SDK asks all at once, and whoever refuses wins. */
  hooks(callers: SdkHooks = {}): SdkHooks {
    const start: SdkHook = (input, id, { signal }) => this.#start({ input, id, signal });
    const end: SdkHook = (input, id) => Promise.resolve(this.#end(input, id));
    const ours = { PreToolUse: start, PostToolUse: end, PostToolUseFailure: end };
    const merged = Object.entries(ours).map(([name, hook]) => {
      return [name, [...(callers[name] ?? []), { hooks: [hook], timeout: longestS }]] as const;
    });
    return { ...callers, ...Object.fromEntries(merged) };
  }

  /**
   * Takes each event of the process, and gives it back. What was denied or interrupted has no hook for its end: its
   * result alone ends its step. A call that no journal knows is not said to have a step.
   */
  seen(event: LiveEvent): LiveEvent {
    if (event.type === "tool_summary") {
      this.#unjournaled.delete(event.call);
      this.#open.get(event.call)?.end(event);
    }
    if (event.type !== "tool_call" || event.step === undefined) return event;
    if (this.#params.turn() !== undefined && !this.#unjournaled.has(event.call)) return event;
    const { step: _, ...rest } = event;
    return rest;
  }

  /** Resolves once what has ended is in the journal, before the turn's result; of what has not, the outcome stays unknown. */
  async settle(): Promise<void> {
    const open = [...this.#open.values()];
    for (const step of open) step.leave();
    await Promise.all(open.map(({ recorded }) => recorded));
  }

  // Never throws, and never runs out of its time: the SDK would take either for consent.
  async #start({ input, id, signal }: StartParams): Promise<object> {
    const fields = fieldsOf(input) ?? {};
    const call = textOf(fields["tool_use_id"]) ?? id;
    const turn = this.#params.turn();
    if (call === undefined) return {};
    if (turn === undefined) {
      this.#unjournaled.add(call);
      return {};
    }
    const step = new OpenStep(turn, { name: textOf(fields["tool_name"]) ?? "", call });
    this.#open.set(call, step);
    void step.recorded.then(() => this.#open.delete(call));
    try {
      const before = await unlessAborted(step.begun, [turn.signal, signal]);
      return before === undefined ? {} : refusal(`This call was made before: ${before}`);
    } catch (error) {
      step.leave();
      // A process that dies gives its calls up: why it died, its end says.
      if (!signal.aborted) this.#params.onRefused?.(error);
      return { continue: false, ...refusal(textOfError(error)) };
    }
  }

  #end(input: unknown, id: string | undefined): object {
    const fields = fieldsOf(input) ?? {};
    const call = textOf(fields["tool_use_id"]) ?? id ?? "";
    const failure = textOf(fields["error"]);
    // An interruption says nothing of what the tool had done by then.
    if (fields["is_interrupt"] === true) return {};
    const ok = failure === undefined;
    this.#open.get(call)?.end({ ok, text: bounded(failure ?? responseText(fields["tool_response"])) });
    return {};
  }
}

interface StartParams {
  readonly input: unknown;
  readonly id: string | undefined;
  readonly signal: AbortSignal;
}

interface Ending {
  readonly ok: boolean;
  readonly text: string;
}

/** One call that the journal knows to have started, or is about to. */
class OpenStep {
  readonly #begun = Promise.withResolvers<string | undefined>();
  readonly #ended = Promise.withResolvers<string>();
  /** Resolves when its start is durable, with what came of it where it was done before. */
  readonly begun: Promise<string | undefined> = this.#begun.promise;
  /** Resolves when nothing more is written about it. */
  readonly recorded: Promise<void>;

  constructor(turn: Turn, { name, call }: { readonly name: string; readonly call: string }) {
    // Either may be rejected before anyone waits for it.
    this.#begun.promise.catch(() => undefined);
    this.#ended.promise.catch(() => undefined);
    const step = turn.journal.step(name, call, "query", () => {
      this.#begun.resolve(undefined);
      return this.#ended.promise;
    });
    this.recorded = step.then(
      (text) => this.#begun.resolve(text),
      // A tool that failed, or a store that did: the second is found by whoever writes next.
      (error: unknown) => this.#begun.reject(error),
    );
  }

  end({ ok, text }: Ending): void {
    if (ok) this.#ended.resolve(text);
    else this.#ended.reject(new Error(text));
  }

  /** Writes nothing more: a Holdfast error is recorded as no outcome. */
  leave(): void {
    this.#ended.reject(leftOpen());
  }
}

/** A day: where the store is slow the tool waits for it, until the turn is stopped. */
const longestS = 86_400;

function refusal(reason: string): object {
  return {
    hookSpecificOutput: {
      hookEventName: "PreToolUse",
      permissionDecision: "deny",
      permissionDecisionReason: reason,
    },
    stopReason: reason,
  };
}

async function unlessAborted<Value>(value: Promise<Value>, signals: readonly AbortSignal[]): Promise<Value> {
  const stop = AbortSignal.any([...signals]);
  const { promise, reject } = Promise.withResolvers<never>();
  const aborted = (): void => reject(stop.reason);
  stop.addEventListener("abort", aborted, { once: true });
  if (stop.aborted) aborted();
  try {
    return await Promise.race([value, promise]);
  } finally {
    stop.removeEventListener("abort", aborted);
  }
}

function textOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function leftOpen(): HoldfastError {
  return new HoldfastError({
    code: "outcome_unknown",
    message: "The turn ended before this tool told what came of it.",
    next: "Ask the tool whether it took effect.",
  });
}
