import { type Fields, fieldsOf, objectIn } from "../../core/json.ts";
import { filesWrittenBy } from "../content/touched-files.ts";
import { PartUsage } from "../content/usage.ts";
import type { SessionState } from "./session-state.ts";
import { within } from "./touched-files.ts";
import type { LinesFrom } from "../content/stored-lines.ts";
import { type LineMark, markOf, timeOfLine } from "./transcript-position.ts";

/** Where the part of a checkpoint begins. */
export interface PartBegin {
  readonly start: number;
  readonly tokenStart: number;
  readonly compactStart: number | undefined;
}

/** What the lines of a part say. */
export interface PartFacts {
  /** Lines up to the end of the part; what follows was written later. */
  readonly end: number;
  /** The last line of the part; undefined where there is none. */
  readonly last: LineMark | undefined;
  /** The uuid of the line before the part. */
  readonly before: string | undefined;
  /** `model`, `token_usage` and `session_metrics`. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Files that the session's tools wrote after the end of the part. */
  readonly writtenLater: ReadonlySet<string>;
  /** Lines that its tools wrote into the files that were asked for; a file that no tool wrote is missing. */
  readonly written: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Reads the lines from the begin of a part on. */
export async function readPart(params: {
  readonly state: SessionState;
  readonly lines: LinesFrom;
  readonly begin: PartBegin;
  readonly untilMs: number;
  readonly asked?: ReadonlySet<string>;
}): Promise<PartFacts> {
  const { state, lines, begin } = params;
  const reading = new Reading(params);
  const first = Math.min(begin.start, begin.tokenStart);
  // Codex tells sums of the whole session: what was before the part is to be known.
  let number = state.agent === "codex" ? 0 : Math.max(0, first - 1);
  for await (const line of lines(number)) {
    reading.add(line, number);
    number += 1;
  }
  return reading.facts();
}

class Reading {
  readonly #params: Parameters<typeof readPart>[0];
  readonly #usage = new PartUsage();
  readonly #writtenLater = new Set<string>();
  readonly #written = new Map<string, Set<string>>();
  #last: string | undefined;
  #before: string | undefined;
  #end = 0;
  #isLater = false;

  constructor(params: Parameters<typeof readPart>[0]) {
    this.#params = params;
    this.#end = params.begin.tokenStart;
  }

  add(line: string, number: number): void {
    const { begin, untilMs } = this.#params;
    if (number === begin.start - 1) this.#before = markOf(line).uuid;
    if (number < begin.tokenStart) {
      this.#usage.before(line);
      this.#last = line;
    } else {
      this.#isLater ||= (timeOfLine(line) ?? 0) > untilMs;
      if (!this.#isLater) {
        this.#usage.add(line);
        this.#last = line;
        this.#end = number + 1;
      }
    }
    if (number >= begin.start) this.#files(line);
  }

  facts(): PartFacts {
    return {
      end: this.#end,
      last: this.#last === undefined ? undefined : markOf(this.#last),
      before: this.#before,
      metadata: this.#usage.metadata(),
      writtenLater: this.#writtenLater,
      written: this.#written,
    };
  }

  #files(line: string): void {
    const { state, asked } = this.#params;
    for (const told of filesWrittenBy(line)) {
      for (const file of within(state.worktreePath, told)) {
        if (this.#isLater) this.#writtenLater.add(file);
        if (asked?.has(file) === true) this.#content(file, line);
      }
    }
  }

  #content(file: string, line: string): void {
    const known = this.#written.get(file) ?? new Set();
    this.#written.set(file, known);
    for (const text of textsIn(objectIn(line), 0))
      for (const one of text.split("\n")) {
        if (known.size >= mostLines) return;
        known.add(contentLine(one));
      }
  }
}

/** A line of a file as it is compared: what indents it, and a mark of a patch before it, do not count. */
export function contentLine(line: string): string {
  return line.replace(/^[+ ]/, "").trim();
}

const mostLines = 200_000;
const maxDepth = 12;

function textsIn(value: unknown, depth: number): string[] {
  if (typeof value === "string") return [value, ...patchIn(value, depth)];
  if (depth > maxDepth) return [];
  if (Array.isArray(value)) return value.flatMap((item) => textsIn(item, depth + 1));
  return Object.values(fieldsOf(value) ?? {}).flatMap((item) => textsIn(item, depth + 1));
}

/** Codex writes a tool's arguments as a text of JSON. */
function patchIn(text: string, depth: number): string[] {
  const fields: Fields | undefined =
    text.startsWith("{") && text.includes("*** Begin Patch") ? objectIn(text) : undefined;
  return fields === undefined ? [] : textsIn(fields, depth + 1);
}
