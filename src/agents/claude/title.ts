import type { ClaudeEntry } from "./contract.ts";

/** What a session may be named after. */
export interface Titles {
  /** The newest that the user gave. */
  readonly custom: string | null;
  /** The newest that the agent gave. */
  readonly agent: string | null;
  /** The first prompt. */
  readonly prompt: string | null;
}

export const noTitles: Titles = { custom: null, agent: null, prompt: null };

/** One entry's part in the title. */
export interface TitlePart {
  readonly kind: keyof Titles;
  readonly text: string;
}

/** What an entry says about the title; undefined where that is nothing. */
export function titlePartOf(entry: ClaudeEntry): TitlePart | undefined {
  if (entry.type === "custom-title") return partOf("custom", entry["customTitle"]);
  if (entry.type === "ai-title") return partOf("agent", entry["aiTitle"]);
  const isPrompt = entry.type === "user" && entry["isMeta"] !== true && entry["isCompactSummary"] !== true;
  if (!isPrompt) return undefined;
  const prompt = promptOf(entry["message"]);
  return isAgentsOwn(prompt) ? undefined : partOf("prompt", prompt);
}

/** The titles after one more part, which is read after all that they are made of. */
export function withTitlePart(titles: Titles, part: TitlePart | undefined): Titles {
  if (part === undefined || (part.kind === "prompt" && titles.prompt !== null)) return titles;
  return { ...titles, [part.kind]: part.text };
}

/** The user's own title, else the agent's, else the first prompt. */
export function titleOf({ custom, agent, prompt }: Titles): string | null {
  return custom ?? agent ?? prompt;
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

function partOf(kind: keyof Titles, text: unknown): TitlePart | undefined {
  if (typeof text !== "string") return undefined;
  // A prompt may be a whole file: the words of a title stand at its beginning.
  const line = text.trimStart().slice(0, 2000).replaceAll(/\s+/g, " ").trim();
  if (line === "") return undefined;
  // Half a character has no UTF-8 form: a store would keep another title than this one.
  return { kind, text: (line.length <= 120 ? line : `${line.slice(0, 119)}…`).toWellFormed() };
}
