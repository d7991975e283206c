import type { RunEvent } from "../core/event.ts";
import { redactText } from "../core/redaction.ts";
import { harmlessLine } from "./harmless.ts";
import { type Layout, resultLine, terminalLines } from "./transcript.ts";
import { type Block, callDetail } from "./transcript-entry.ts";

/**
 * Turns a run's events into lines, as they come; pieces give none, and what is shown again is marked. A response's usage
 * grows while it comes: its line stands behind its words and its tools.
 */
export class Timeline {
  readonly #layout: Layout;
  readonly #names = new Map<string, string>();
  #usage: { readonly key: string; readonly lines: readonly string[] } | undefined;
  /** A tool has ended: the next words are those of another response. */
  #isAnswered = false;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** The lines of one event, each to stand behind `prefix`. */
  lines(event: RunEvent, prefix = ""): readonly string[] {
    const lines = this.#markedLines(event, prefix);
    const before = this.#isStillCounted(event) ? [] : this.rest();
    if (event.type !== "usage") return [...before, ...lines];
    this.#usage = { key: event.key, lines };
    return before;
  }

  /** What is still to be shown where nothing comes next. */
  rest(): readonly string[] {
    if (this.#usage === undefined) return [];
    const { lines } = this.#usage;
    this.#usage = undefined;
    this.#isAnswered = false;
    return lines;
  }

  // A response gives its pieces one by one, and its tools may end before its last count comes.
  #isStillCounted({ type, ...event }: RunEvent): boolean {
    if (type === "usage") return "key" in event && event.key === this.#usage?.key;
    if (type === "tool_summary") this.#isAnswered = true;
    if (type === "result" || type === "error") return false;
    return !(this.#isAnswered && words.has(type));
  }

  #markedLines(event: RunEvent, prefix: string): readonly string[] {
    const lines = this.#linesOf(event).filter((line) => line !== "");
    const marked = event.replayed === true ? `${prefix}${this.#layout.style.dim("↺ ")}` : prefix;
    const nested = event.parent === undefined ? marked : `${marked}  │ `;
    return lines.map((line) => `${nested}${line}`.trimEnd());
  }

  #linesOf(event: RunEvent): readonly string[] {
    if (event.type === "tool_call") {
      this.#names.set(event.call, event.name);
      const { call: id, name, input } = event;
      return this.#block({ kind: "call", id, name, detail: callDetail(input) });
    }
    if (event.type === "tool_summary") {
      const { call, text, ok } = event;
      return [resultLine({ kind: "result", call, text, failed: !ok }, this.#names.get(call), this.#layout)];
    }
    const block = blockOf(event);
    return block === undefined ? [] : this.#block(block);
  }

  #block(block: Block): readonly string[] {
    return terminalLines(block, "later", this.#layout);
  }
}

/** A line of the agent's or the user's own words, as it may be shown. */
export function shownText(text: string): string {
  return harmlessLine(redactText(text));
}

function blockOf(event: RunEvent): Block | undefined {
  switch (event.type) {
    case "user":
      return { kind: "user", text: event.text };
    case "assistant":
      return event.partial === true ? undefined : { kind: "assistant", text: event.text };
    case "thinking":
      return event.partial === true ? undefined : { kind: "thinking", length: event.text.length };
    case "notice":
      return { kind: "notice", text: event.text };
    case "error":
      return { kind: "notice", text: `error: ${event.message}` };
    case "status":
      if (event.of !== undefined)
        return { kind: "notice", text: `The run ${event.of} was interrupted; this is what it told:` };
      return quiet.has(event.status) ? undefined : { kind: "notice", text: statusText(event) };
    case "usage": {
      const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = event.tokens;
      const inwards = input + cacheRead + cacheWrite5m + cacheWrite1h;
      const counts = [inwards, output].map((count) => count.toLocaleString("en-US"));
      return { kind: "notice", text: `${event.model}: ${counts[0]} tokens in, ${counts[1]} out` };
    }
    default:
      return undefined;
  }
}

const words: ReadonlySet<string> = new Set(["assistant", "thinking", "tool_call"]);

// Every turn says so, and nobody learns anything from it.
const quiet = new Set(["started", "process_in_use"]);

function statusText({ status, settings }: Extract<RunEvent, { readonly type: "status" }>): string {
  const { model, permissionMode, cwd } = settings ?? {};
  const known = [
    ...(typeof model === "string" ? [model] : []),
    ...(typeof permissionMode === "string" ? [`permission mode ${permissionMode}`] : []),
    ...(typeof cwd === "string" ? [`in ${cwd}`] : []),
  ];
  const words = status.replaceAll("_", " ");
  return known.length === 0 ? words : `${words}: ${known.join(", ")}`;
}
