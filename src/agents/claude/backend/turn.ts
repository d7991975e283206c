import type { AgentStep, Turn } from "../../../core/agent.ts";
import { isTerminal } from "../../../core/event.ts";
import type { LiveProcess } from "./live-process.ts";
import { promptContent } from "./prompt-content.ts";

/** One turn in a process that is there; its result comes last. */
export async function* playTurn(turn: Turn, live: LiveProcess): AsyncGenerator<AgentStep> {
  const check = (): void => turn.signal.throwIfAborted();
  const stir = (): void => live.steps.stir();
  turn.signal.addEventListener("abort", stir, { once: true });
  try {
    const content = await promptContent(turn.input);
    live.prompt(content);
    for (;;) {
      const step = await live.steps.next(check);
      if (step === undefined) return;
      yield step;
      if (step.kind === "event" && isTerminal(step.event)) return;
    }
  } finally {
    turn.signal.removeEventListener("abort", stir);
  }
}
