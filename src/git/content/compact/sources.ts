import { fieldsOf, objectIn } from "../../../core/json.ts";
import { claudeSource } from "./claude.ts";
import { codexSource } from "./codex.ts";
import { cursorSource } from "./cursor.ts";
import type { CompactSource } from "./lines.ts";

/** Who wrote a line of a transcript: an agent's name does not tell (section 2). Undefined where the line does not either. */
export function compactSourceOf(line: string): CompactSource | undefined {
  const fields = objectIn(line);
  if (fields === undefined) return undefined;
  if (fieldsOf(fields["payload"]) !== undefined && typeof fields["type"] === "string") return codexSource;
  if (fields["role"] === "user" || fields["role"] === "assistant") return cursorSource;
  return fieldsOf(fields["message"]) !== undefined && typeof fields["type"] === "string"
    ? claudeSource
    : undefined;
}

/** The source of an agent by its registry name. */
export function compactSourceNamed(agent: unknown): CompactSource | undefined {
  return [claudeSource, codexSource, cursorSource].find((source) => source.agent === agent);
}
