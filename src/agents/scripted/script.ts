import type { StepEffect } from "../../core/steps.ts";

/** One thing that the prompt asks for. */
export type Verb =
  | { readonly verb: "say"; readonly text: string }
  | { readonly verb: "tool"; readonly name: string; readonly effect: StepEffect; readonly ms: number }
  | { readonly verb: "slow"; readonly ms: number }
  | { readonly verb: "fail"; readonly message: string }
  | { readonly verb: "crash" }
  | { readonly verb: "usage"; readonly input: number; readonly output: number };

/**
 * Reads a prompt: `say TEXT`, `tool NAME EFFECT [MS]`, `slow MS`, `fail MESSAGE`, `crash`, `usage IN OUT`, parted by `;`
 * or line feeds. What begins with none of these is said again; a verb that is used wrongly fails and tells how it goes.
 */
export function parseScript(prompt: string): readonly Verb[] {
  const lines = prompt.split(/[;\n]/).map((line) => line.trim());
  return lines.filter((line) => line !== "").map(verbIn);
}

const effects: readonly string[] = ["idempotent", "query", "unsafe"] satisfies StepEffect[];

/** The longest wait that a timer can make. */
const longestMs = 2_147_483_647;

function verbIn(line: string): Verb {
  const [word = "", ...args] = line.split(/\s+/);
  const text = line.slice(word.length).trim();
  if (word === "say") return { verb: "say", text };
  if (word === "fail") return { verb: "fail", message: text };
  // Only alone: a prompt in prose may begin with the word.
  if (line === "crash") return { verb: "crash" };
  if (word === "tool") return toolIn(args) ?? wrong("tool NAME idempotent|query|unsafe [MS]");
  if (word === "slow") return slowIn(args) ?? wrong("slow MS");
  if (word === "usage") return usageIn(args) ?? wrong("usage IN OUT");
  return { verb: "say", text: line };
}

function wrong(how: string): Verb {
  return { verb: "fail", message: `This verb goes: ${how}` };
}

function toolIn([name, effect, ms = "0", ...rest]: readonly string[]): Verb | undefined {
  const wait = numberIn(ms, longestMs);
  if (name === undefined || effect === undefined || wait === undefined || rest.length > 0) return undefined;
  return isEffect(effect) ? { verb: "tool", name, effect, ms: wait } : undefined;
}

function isEffect(text: string): text is StepEffect {
  return effects.includes(text);
}

function slowIn([ms = "", ...rest]: readonly string[]): Verb | undefined {
  const wait = numberIn(ms, longestMs);
  return wait === undefined || rest.length > 0 ? undefined : { verb: "slow", ms: wait };
}

function usageIn([first = "", second = "", ...rest]: readonly string[]): Verb | undefined {
  const [input, output] = [numberIn(first), numberIn(second)];
  if (input === undefined || output === undefined || rest.length > 0) return undefined;
  return { verb: "usage", input, output };
}

function numberIn(text: string, max = Number.MAX_SAFE_INTEGER): number | undefined {
  const number = /^\d+$/.test(text) ? Number(text) : max + 1;
  return number <= max ? number : undefined;
}
