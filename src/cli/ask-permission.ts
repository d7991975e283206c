import { createInterface } from "node:readline/promises";
import { redactText } from "../core/redaction.ts";
import type { PermissionAsker } from "./claude-agent.ts";
import { harmlessLine } from "./harmless.ts";
import { say } from "./output.ts";
import { streams } from "./streams.ts";

/** Asks the person at the terminal; undefined where there is none, at either end. */
export function terminalAsker(timeoutMs = 120_000): PermissionAsker | undefined {
  const { stdin, stderr } = streams();
  if (stdin?.isTTY !== true || stderr.isTTY !== true) return undefined;
  const terminal = { stdin, stderr };
  // One question at a time, however many tools are asked for at once.
  let last: Promise<unknown> = Promise.resolve();
  return {
    timeoutMs,
    ask: (question, signal) => {
      const untilMs = performance.now() + timeoutMs;
      const answer = last.then(() => asked(terminal, question, { untilMs, signal }));
      last = answer;
      return answer;
    },
  };
}

type Ask = PermissionAsker["ask"];
type Question = Parameters<Ask>[0];
type Terminal = Pick<Required<ReturnType<typeof streams>>, "stdin" | "stderr">;

async function asked(
  { stdin, stderr }: Terminal,
  question: Question,
  { untilMs, signal }: { readonly untilMs: number; readonly signal: AbortSignal },
): Promise<Awaited<ReturnType<Ask>>> {
  if (signal.aborted) return late;
  const leftS = Math.max(1, Math.ceil((untilMs - performance.now()) / 1000));
  // On a line of its own: what the turn tells meanwhile comes behind it.
  say(`May it use ${harmlessLine(question.tool)}? ${inputText(question)} [y/N, ${leftS} s left]`);
  // As a terminal it would keep Ctrl-C for itself.
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  // The end of the input is no answer, and the question would wait for ever.
  const ended = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
  const typed = lines.question("", { signal }).catch(() => undefined);
  const answer = await Promise.race([typed, ended]);
  lines.close();
  if (answer !== undefined) return yesPattern.test(answer) ? { behavior: "allow" } : refused;
  say("Not answered: it may not.");
  return late;
}

const yesPattern = /^\s*y(?:es)?\s*$/i;
const refused = { behavior: "deny", message: "The person at the terminal said no." } as const;
const late = { behavior: "deny", message: "Nobody answered in time." } as const;

// All of it: what is cut off could be what is dangerous.
function inputText({ input }: Question): string {
  return harmlessLine(redactText(JSON.stringify(input)));
}
