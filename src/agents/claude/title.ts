import type { ClaudeEntry } from "./contract.ts";

/** The title after one more entry: the user's own, else the agent's, else the first prompt. */
export function titleAfter(previous: string | null, entry: ClaudeEntry): string | null {
  if (entry.type === "custom-title") return lineOf(entry["customTitle"]) ?? previous;
  if (entry.type === "ai-title") return lineOf(entry["aiTitle"]) ?? previous;
  const isPrompt = entry.type === "user" && entry["isMeta"] !== true && entry["isCompactSummary"] !== true;
  if (previous !== null || !isPrompt) return previous;
  const prompt = promptOf(entry["message"]);
  return isAgentsOwn(prompt) ? null : lineOf(prompt);
}

function promptOf(message: unknown): unknown {
  const content =
    typeof message === "object" && message !== null && "content" in message ? message.content : undefined;
  if (!Array.isArray(content)) return content;
  const texts = content.map((block: unknown) =>
    typeof block === "object" && block !== null && "text" in block ? block.text : undefined,
  );
  return texts.find((text) => typeof text === "string" && !isAgentsOwn(text));
}

// Commands and reminders of the agent's own begin with a tag; none of them is what the user asked.
function isAgentsOwn(text: unknown): boolean {
  return typeof text === "string" && text.startsWith("<");
}

function lineOf(text: unknown): string | null {
  if (typeof text !== "string") return null;
  const line = text.replaceAll(/\s+/g, " ").trim();
  if (line === "") return null;
  // Half a character has no UTF-8 form: a store would keep another title than this one.
  return (line.length <= 120 ? line : `${line.slice(0, 119)}…`).toWellFormed();
}
