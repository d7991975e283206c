import { createHash } from "node:crypto";
import { ownRules } from "../../core/own-rules.ts";
import { redactJson, redactText, redactionVersion, type RedactionOptions } from "../../core/redaction.ts";

/** How everything is redacted that becomes a git object. */
export interface Redactor {
  /** Changes with the rules: text that other rules redacted is not relied upon. */
  readonly fingerprint: string;
  /** No rule looks into a string that is kept, as it is written. */
  readonly json: (line: string, isKept?: (literal: string) => boolean) => string;
  readonly text: (text: string) => string;
}

export interface RedactorParams {
  /** The user's own rules: regular expressions. */
  readonly rules?: readonly string[];
  /** False: only known forms of secrets. */
  readonly entropy?: boolean;
}

/** The rules of section 10 with the user's own. @throws redaction_invalid */
export function redactor({ rules = [], entropy = true }: RedactorParams = {}): Redactor {
  const options: RedactionOptions = { entropy, own: ownRules(rules) };
  const parts = JSON.stringify([redactionVersion, entropy, rules]);
  return {
    fingerprint: createHash("sha256").update(parts).digest("hex"),
    json: (line, isKept) => redactJson(line, { ...options, isKept }),
    text: (text) => redactText(text, options),
  };
}

/** `prompt.txt`'s parts: redacted, and none that is empty (section 2). */
export function redactPrompts(prompts: readonly string[], { text }: Pick<Redactor, "text">): string[] {
  return prompts.map((prompt) => text(prompt).trim()).filter((prompt) => prompt !== "");
}

/** Strings of metadata (a summary, a task's description) redacted; numbers and shape stay. */
export function redactValue<Value>(value: Value, { json }: Pick<Redactor, "json">): Value {
  return value === undefined ? value : (JSON.parse(json(JSON.stringify(value))) as Value);
}
