import { redactText } from "../../core/redaction.ts";
import type { WrittenText } from "./written-text.ts";

/** How well a call explains a line, best first. */
export type Match = (typeof matches)[number];

/** From the best to the least. */
export const matches = ["exact", "common", "moved", "alike", "command"] as const;

/** A line that is looked for, in the file that had it. */
export interface SoughtLine {
  readonly path: string;
  readonly text: string;
}

/** How sure the answer is, and why, in words. */
export const matchWords: Readonly<
  Record<Match, { readonly sure: "high" | "medium" | "low"; readonly reason: string }>
> = {
  exact: { sure: "high", reason: "the call wrote exactly this line into this file" },
  common: { sure: "medium", reason: "the call wrote this line into this file, but the line is a common one" },
  moved: {
    sure: "medium",
    reason: "the call wrote this line into this file where it, or one like it, stood before",
  },
  alike: {
    sure: "low",
    reason: "the call wrote this line but for white space, or into a file of the same name",
  },
  command: { sure: "low", reason: "a command of this call holds the line and names the file" },
};

/** The same of a call that is dated after the commit. */
export const lateWords = {
  sure: "low",
  reason:
    "the call wrote this line, but is dated after the commit: the clocks differ, or a person wrote it before",
} as const;

/** How a text explains a line; undefined where it does not. */
export function matchOf({ path, lines, replaced, by }: WrittenText, sought: SoughtLine): Match | undefined {
  // What is stored is redacted.
  const text = redactText(sought.text);
  const isSame = (line: string): boolean => line === sought.text || line === text;
  const trimmed = text.trim();
  if (by === "command") {
    const namesFile = lines.some((line) => line.includes(baseName(sought.path)));
    return namesFile && isTelling(trimmed) && lines.some(isSame) ? "command" : undefined;
  }
  const isFile = isSameFile(path ?? "", sought.path);
  if (!isFile && baseName(path ?? "") !== baseName(sought.path)) return undefined;
  if (isFile && lines.some(isSame)) {
    if (!isTelling(trimmed)) return "common";
    return replaced.some(isSame) ? "moved" : "exact";
  }
  return isTelling(trimmed) && lines.some((line) => line.trim() === trimmed) ? "alike" : undefined;
}

/** Whether a path that an agent wrote, from the root of its disk, is a path of the repository. */
export function isSameFile(named: string, path: string): boolean {
  const plain = named.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "");
  return plain === path || plain.endsWith(`/${path}`);
}

// A brace, a blank line or `return;` is in every file.
const leastTelling = 6;

function isTelling(text: string): boolean {
  return text.replaceAll(/[^\p{L}\p{N}]/gu, "").length >= leastTelling;
}

function baseName(path: string): string {
  return path.replaceAll("\\", "/").split("/").at(-1) ?? "";
}
