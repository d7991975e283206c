import { redactor } from "../git/content/redactor.ts";
import { objectIn, textOf } from "../core/json.ts";
import type { LogKey } from "../core/ids.ts";
import type { Store } from "../core/store.ts";

/**
 * The lines of a log that have no uuid, to find in them what a redacted line was before: a line without a uuid is told
 * apart by its words, so that one that was redacted would come beside the one that was not.
 */
export class SaidLines {
  readonly #lines: Set<{ readonly text: string }>;
  #comparisonsLeft = maxComparisons;

  /** Reads them of a log; one that is not there has none. */
  static async of(store: Store, log: LogKey): Promise<SaidLines> {
    const lines: string[] = [];
    for await (const bodies of store.scan({ log }))
      for (const body of bodies) {
        const fields = objectIn(body);
        if (textOf(fields?.["uuid"]) === undefined) lines.push(JSON.stringify(fields));
      }
    return new SaidLines(lines);
  }

  private constructor(lines: readonly string[]) {
    this.#lines = new Set(lines.map((text) => ({ text })));
  }

  /** Whether one of them says the line, and none before; it then stands for that one. */
  take(line: string): boolean {
    const around = JSON.stringify(objectIn(line) ?? line).split(redacted);
    for (const said of this.#lines) {
      // Of so many the line rather comes twice than that the import takes hours.
      this.#comparisonsLeft -= 1;
      if (this.#comparisonsLeft < 0) return false;
      if (!says(said.text, around) || !isRedactable(said.text)) continue;
      this.#lines.delete(said);
      return true;
    }
    return false;
  }
}

/** Whether a line without a uuid was redacted. */
export function isRedactedExtra(line: string): boolean {
  return line.includes("REDACTED") && textOf(objectIn(line)?.["uuid"]) === undefined;
}

const maxComparisons = 20_000_000;
const redacted = /\[?REDACTED(?:_[A-Z]+\])?/;

const redact = redactor();

/** A line of the same form that hides nothing is another one. */
function isRedactable(text: string): boolean {
  return text.includes("REDACTED") || redact.json(text) !== text;
}

function says(text: string, around: readonly string[]): boolean {
  const last = around.at(-1)!;
  if (around.length === 1 || !text.startsWith(around[0]!)) return text === last && around.length === 1;
  let from = around[0]!.length;
  for (const part of around.slice(1, -1)) {
    const at = text.indexOf(part, from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return text.length - last.length >= from && text.endsWith(last);
}
