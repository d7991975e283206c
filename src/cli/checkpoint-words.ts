import { redactText } from "../core/redaction.ts";
import type { CheckpointFacts } from "../git/reading/checkpoint-facts.ts";
import type { Confidence } from "../git/reading/link-file.ts";
import { type TokenFacts, totalOf } from "../git/reading/token-facts.ts";
import { size } from "./columns.ts";
import { dollars } from "./dollars.ts";
import { harmlessLine } from "./harmless.ts";

/** Text of a checkpoint on one line, as it may be shown to people. */
export function lineOf(text: string): string {
  return harmlessLine(redactText(text));
}

/** The agents of a checkpoint, each once. */
export function agentsOf({ sessions }: CheckpointFacts): string {
  return [...new Set(sessions.map(({ agent }) => lineOf(agent ?? "unknown agent")))].join(", ");
}

/** All tokens, short; empty where none are counted. */
export function tokensOf(usage: TokenFacts | null): string {
  const total = usage === null ? 0 : totalOf(usage);
  return total === 0 ? "" : `${size(total)} tokens`;
}

/** The first prompt of a checkpoint that says anything. */
export function promptOf({ sessions }: CheckpointFacts): string {
  return lineOf(sessions.map(({ prompt }) => prompt ?? "").find((prompt) => prompt !== "") ?? "");
}

/** What stands behind a checkpoint that no trailer links; nothing where one does. */
export function confidenceWords(confidence: Confidence): string {
  return confidence === "trailer" ? "" : ` (linked without a trailer, ${confidence} confidence)`;
}

/** About what something cost; empty where it is not known. */
export function aboutDollars(microDollars: number | null): string {
  return microDollars === null ? "" : `about ${dollars(Math.round(microDollars / 10_000) * 10_000)}`;
}
